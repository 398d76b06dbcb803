using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Loader;

/// <summary>What a loaded program starts with.</summary>
internal struct LoadedProgram
{
    internal MemoryManager Mm;
    internal ulong Entry;
    internal ulong StackPointer;
}

/// <summary>
/// Makes a new address space from an ELF executable and its interpreter (execve(2); fs/binfmt_elf.c,
/// load_elf_binary). Nothing of the caller changes
/// until it is complete, so that every error is still an errno.
/// </summary>
internal sealed partial class ProgramLoader
{
    /// <summary>
    /// The last page below the end of user space, where nothing can be mapped: what Linux finds wrong with a program
    /// past its point of no return ends the process by SIGSEGV (fs/exec.c, bprm_execve), and so does a program that
    /// begins here.
    /// </summary>
    private const ulong Nowhere = (1UL << 47) - GuestAddress.PageSize;

    private readonly Task _task;
    private readonly ExecutionPlan _plan;
    private readonly MemoryManager _mm;
    private ProcessImage _image;

    private ProgramLoader(Task task, ExecutionPlan plan, MemoryManager mm)
    {
        _task = task;
        _plan = plan;
        _mm = mm;
    }

    /// <summary>Loads the program of a plan, or one that faults at once for what Linux too has taken by then.
    /// ENOEXEC, ENOMEM, ELIBBAD, E2BIG, and what opening the interpreter
    /// says.</summary>
    internal static Errno Load(Task task, ExecutionPlan plan, out LoadedProgram program)
    {
        program = default;
        Errno errno = ReadHeaders(task, plan.Program, out ElfHeader header, out byte[] table);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool isSound = ElfFile.Parse(header, table, out ElfFile? elf) == Errno.None;
        bool randomise = (task.Personality & Personality.ADDR_NO_RANDOMIZE) == 0;
        MemoryLayoutRequest layout = new()
        {
            StackLimitBytes = task.ThreadGroup.Limits.Soft(Resource.RLIMIT_STACK),
            RandomSeed = randomise ? GuestRandom.NextSeed() : 0,
        };
        GuestKernel kernel = task.Kernel;
        errno = MemoryManager.Create(kernel.Platform, task.ThreadGroup.Scope.Memory, task.ThreadGroup, layout,
            out MemoryManager? mm);
        if (errno != Errno.None)
        {
            return errno;
        }

        ProgramLoader loader = new(task, plan, mm!);
        if (isSound)
        {
            errno = loader.LoadInto(elf!, out program);
        }
        else
        {
            loader.Conclude(Nowhere, 0, out program);
        }

        if (errno != Errno.None)
        {
            mm!.DropUser();
        }

        return errno;
    }

    private Errno LoadInto(ElfFile elf, out LoadedProgram program)
    {
        program = default;
        Errno errno = OpenInterpreter(elf, out FileDescription? file, out ElfFile? interpreter);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = MapAll(elf, interpreter, file, out Placement placement);
        file?.DropReference(_task);
        if (errno != Errno.None)
        {
            Conclude(Nowhere, 0, out program);
            return Errno.None;
        }

        errno = BuildStack(placement, out ulong stackPointer);
        if (errno == Errno.None)
        {
            Conclude(placement.Start, stackPointer, out program);
        }

        return errno;
    }

    private void Conclude(ulong entry, ulong stackPointer, out LoadedProgram program)
    {
        _plan.Program.AddReference();
        _image.Executable = _plan.Program;
        _mm.Image = _image;
        program = new LoadedProgram { Mm = _mm, Entry = entry, StackPointer = stackPointer };
    }

    private Errno MapAll(ElfFile elf, ElfFile? interpreter, FileDescription? interpreterFile, out Placement placement)
    {
        placement = default;
        Errno errno = MapProgram(elf, interpreter is not null, out ulong bias);
        if (errno != Errno.None)
        {
            return errno;
        }

        placement.ProgramEntry = unchecked(elf.Header.Entry + bias);
        placement.Start = placement.ProgramEntry;
        ulong headers = elf.ProgramHeadersAddress();
        placement.ProgramHeaders = headers == 0 ? 0 : unchecked(headers + bias);
        placement.ProgramHeaderCount = elf.Header.ProgramHeaderCount;
        placement.StackAccess = StackAccess(elf);
        if (interpreter is not null)
        {
            errno = MapImage(interpreter, interpreterFile!, 0, MapPlacement.Hint, out placement.InterpreterBase);
            placement.Start = unchecked(interpreter.Header.Entry + placement.InterpreterBase);
        }

        if (errno == Errno.None)
        {
            errno = _task.Kernel.Vdso.Map(_mm, out GuestAddress header);
            placement.Vdso = header.Value;
        }

        return errno;
    }

    private Errno OpenInterpreter(ElfFile elf, out FileDescription? file, out ElfFile? interpreter)
    {
        file = null;
        interpreter = null;
        if (!elf.TryFind(Elf.PT_INTERP, out ElfSegment segment))
        {
            return Errno.None;
        }

        Errno errno = ReadInterpreterPath(segment, out string path);
        errno = errno != Errno.None ? errno : _task.Kernel.Vfs.OpenForExecute(_task, Fcntl.AT_FDCWD, path, 0, out file);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = ReadElf(_task, file!, out interpreter);
        if (errno != Errno.None)
        {
            file!.DropReference(_task);
            file = null;
            return errno == Errno.ENOEXEC ? Errno.ELIBBAD : errno;
        }

        return Errno.None;
    }

    private Errno ReadInterpreterPath(in ElfSegment segment, out string path)
    {
        path = "";
        if (segment.FileBytes is < 2 or > Limits.PATH_MAX || segment.Offset > long.MaxValue - Limits.PATH_MAX)
        {
            return Errno.ENOEXEC;
        }

        byte[] bytes = new byte[segment.FileBytes];
        Errno errno = ReadExactly(_task, _plan.Program, bytes, (long)segment.Offset);
        if (errno != Errno.None || bytes[^1] != 0)
        {
            return errno != Errno.None ? errno : Errno.ENOEXEC;
        }

        path = System.Text.Encoding.Latin1.GetString(bytes, 0, Array.IndexOf(bytes, (byte)0));
        return Errno.None;
    }

    private static Errno ReadElf(Task task, FileDescription file, out ElfFile? elf)
    {
        elf = null;
        Errno errno = ReadHeaders(task, file, out ElfHeader header, out byte[] table);
        return errno != Errno.None ? errno : ElfFile.Parse(header, table, out elf);
    }

    private static Errno ReadHeaders(Task task, FileDescription file, out ElfHeader header, out byte[] table)
    {
        header = default;
        table = [];
        Span<byte> start = stackalloc byte[ElfFile.HeaderBytes];
        Errno errno = ReadExactly(task, file, start, 0);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = ElfFile.ParseHeader(start, out header);
        if (errno != Errno.None)
        {
            return errno;
        }

        table = new byte[header.ProgramHeaderCount * ElfFile.ProgramHeaderBytes];
        return ReadExactly(task, file, table, (long)header.ProgramHeadersOffset);
    }

    /// <summary>Reads the whole span; a file that is too short is no executable.</summary>
    private static Errno ReadExactly(Task task, FileDescription file, Span<byte> buffer, long offset)
    {
        int total = 0;
        while (total < buffer.Length)
        {
            IoSequence destination = IoSequence.FromBuffer(buffer[total..]);
            Errno errno = file.PRead(task, ref destination, offset + total, out long done);
            if (errno != Errno.None || done == 0)
            {
                return errno != Errno.None ? errno : Errno.ENOEXEC;
            }

            total += (int)done;
        }

        return Errno.None;
    }

    /// <summary>Where the parts of the program came to lie.</summary>
    private struct Placement
    {
        internal ulong Start;
        internal ulong ProgramEntry;
        internal ulong ProgramHeaders;
        internal int ProgramHeaderCount;
        internal ulong InterpreterBase;
        internal ulong Vdso;
        internal Platform.MemoryAccess StackAccess;
    }
}
