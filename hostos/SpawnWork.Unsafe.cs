using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;
using Abi.Linux;
using Stub;

namespace HostOs;

/// <summary>
/// Everything one <see cref="Spawn.Run"/> needs while its child is not yet the program: script, strings, pipes, moved
/// descriptors.
/// </summary>
// SAFETY: every block is allocated here, filled within its size, and freed by Dispose.
internal sealed unsafe class SpawnWork : IDisposable
{
    private readonly SpawnRequest _request;
    private readonly List<string> _names = [];
    private readonly List<int> _moved = [];
    private ScriptEntry* _script;
    private byte* _scratch;
    private nint* _argv;
    private nint* _envp;
    private byte* _program;
    private int _reportRead = -1;
    private int _releaseRead = -1;
    private int _releaseWrite = -1;

    public SpawnWork(SpawnRequest request)
    {
        _request = request;
    }

    /// <summary>Address of the script.</summary>
    public nint Script => (nint)_script;

    /// <summary>Entries in it.</summary>
    public int Count => _names.Count;

    /// <summary>The child's end of the report pipe.</summary>
    public int ReportFd { get; private set; } = -1;

    private bool HasUserNamespace => (_request.NamespaceFlags & HostSched.CloneNewUser) != 0;

    /// <summary>Makes pipes, moves descriptors out of the way of their targets, and writes the script.</summary>
    public Errno Prepare()
    {
        int above = 3;
        foreach (FdMap map in _request.Descriptors)
        {
            above = Math.Max(above, map.Target + 1);
        }
        Errno error = Pipe(above, out _reportRead, out int report);
        ReportFd = report;
        if (error == Errno.None && HasUserNamespace)
        {
            error = Pipe(above, out _releaseRead, out _releaseWrite);
        }
        foreach (FdMap map in _request.Descriptors)
        {
            if (error != Errno.None)
            {
                return error;
            }
            error = HostFcntl.Duplicate(map.Source, out int copy, above);
            _moved.Add(copy);
        }
        if (error == Errno.None)
        {
            WriteScript();
        }
        return error;
    }

    /// <summary>Writes the id maps and lets the child go on.</summary>
    public Errno Release(int pid, out string problem)
    {
        CloseAndForget(ReportFd);
        ReportFd = -1;
        problem = "";
        if (!HasUserNamespace)
        {
            return Errno.None;
        }
        Errno error = Errno.None;
        if (_request.SetGroups == SetGroups.Deny)
        {
            error = WriteProc(pid, "setgroups", "deny", ref problem);
        }
        if (error == Errno.None && _request.UidMap.Count > 0)
        {
            error = WriteProc(pid, "uid_map", Format(_request.UidMap), ref problem);
        }
        if (error == Errno.None && _request.GidMap.Count > 0)
        {
            error = WriteProc(pid, "gid_map", Format(_request.GidMap), ref problem);
        }
        return error == Errno.None ? HostUnistd.WriteAll(_releaseWrite, [1]) : error;
    }

    /// <summary>Waits until the child is the program (the report pipe closes) or has reported a failure.</summary>
    public Errno AwaitExec(out string problem)
    {
        problem = "";
        Span<byte> report = stackalloc byte[8];
        Errno error = HostUnistd.ReadAll(_reportRead, report, out int done);
        if (error != Errno.None)
        {
            problem = Describe("reading the child's report", error);
            return error;
        }
        if (done == 0)
        {
            return Errno.None;
        }
        int index = BitConverter.ToInt32(report);
        error = (Errno)BitConverter.ToInt32(report[4..]);
        if (error == Errno.None)
        {
            error = Errno.EPIPE;
        }
        problem = Describe((uint)index < (uint)_names.Count ? _names[index] : "an unknown step", error);
        return error;
    }

    /// <summary>One line for a person.</summary>
    public string Describe(string step, Errno error) => $"cannot start {_request.Program}: {step}: {error}";

    public void Dispose()
    {
        CloseAndForget(_reportRead);
        CloseAndForget(ReportFd);
        CloseAndForget(_releaseRead);
        CloseAndForget(_releaseWrite);
        foreach (int fd in _moved)
        {
            CloseAndForget(fd);
        }
        // SAFETY: each block was allocated by WriteScript or is null; the child has its own copy.
        NativeMemory.Free(_script);
        NativeMemory.Free(_scratch);
        NativeMemory.Free(_argv);
        NativeMemory.Free(_envp);
        NativeMemory.Free(_program);
    }

    private static void CloseAndForget(int fd)
    {
        if (fd >= 0)
        {
            HostUnistd.Close(fd);
        }
    }

    /// <summary>A close-on-exec pipe with both ends numbered <paramref name="above"/> or more.</summary>
    private static Errno Pipe(int above, out int readEnd, out int writeEnd)
    {
        writeEnd = -1;
        readEnd = -1;
        Errno error = HostUnistd.Pipe2(HostFcntl.CloseOnExec, out int lowRead, out int lowWrite);
        if (error != Errno.None)
        {
            return error;
        }
        error = HostFcntl.Duplicate(lowRead, out readEnd, above);
        if (error == Errno.None)
        {
            error = HostFcntl.Duplicate(lowWrite, out writeEnd, above);
        }
        HostUnistd.Close(lowRead);
        HostUnistd.Close(lowWrite);
        return error;
    }

    private static string Format(List<IdMap> maps)
    {
        var text = new StringBuilder();
        foreach (IdMap map in maps)
        {
            text.Append(map.Inside).Append(' ').Append(map.Outside).Append(' ').Append(map.Count).Append('\n');
        }
        return text.ToString();
    }

    private Errno WriteProc(int pid, string file, string text, ref string problem)
    {
        string path = $"/proc/{pid}/{file}";
        int flags = HostFcntl.WriteOnly | HostFcntl.CloseOnExec;
        Errno error = HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, flags, 0, out int fd);
        if (error == Errno.None)
        {
            error = HostUnistd.WriteAll(fd, Encoding.Latin1.GetBytes(text));
            HostUnistd.Close(fd);
        }
        if (error != Errno.None)
        {
            problem = Describe("writing " + file, error);
        }
        return error;
    }

    private void WriteScript()
    {
        // SAFETY: scratch holds 32 bytes of zeros that are a default action, the one byte read from the release pipe,
        // and at MaskOffset the signal mask.
        const int MaskOffset = 40;
        _scratch = (byte*)NativeMemory.AllocZeroed(64);
        *(ulong*)(_scratch + MaskOffset) = _request.BlockedSignals;
        var calls = new List<ScriptEntry>();
        if (HasUserNamespace)
        {
            Add(calls, "closing the release pipe", new ScriptEntry(SysNr.close, (ulong)_releaseWrite));
            var read = new ScriptEntry(SysNr.read, (ulong)_releaseRead, (ulong)(_scratch + 32), 1);
            Add(calls, "waiting for the id maps", read.With(ScriptFlags.ZeroIsFailure));
        }
        ulong byDefault = (ulong)_scratch;
        Add(calls, "rt_sigaction", new ScriptEntry(SysNr.rt_sigaction, Signals.SIGPIPE, byDefault, 0, sizeof(ulong)));
        foreach ((string name, ScriptEntry call) in _request.ExtraCalls)
        {
            Add(calls, name, call);
        }
        const ulong CloseRangeCloexec = 4;
        Add(calls, "close_range", new ScriptEntry(SysNr.close_range, 0, uint.MaxValue, CloseRangeCloexec));
        for (int i = 0; i < _moved.Count; i++)
        {
            FdMap map = _request.Descriptors[i];
            string name = $"dup3 to {map.Target}";
            Add(calls, name, new ScriptEntry(SysNr.dup3, (ulong)_moved[i], (ulong)map.Target, 0));
        }
        Add(calls, "rt_sigprocmask", new ScriptEntry(
            SysNr.rt_sigprocmask, HostSignal.SigSetMask, byDefault + MaskOffset, 0, sizeof(ulong)));
        Add(calls, "execveat", Exec());
        _script = (ScriptEntry*)NativeMemory.Alloc((nuint)calls.Count, ScriptEntry.Bytes);
        CollectionsMarshal.AsSpan(calls).CopyTo(new Span<ScriptEntry>(_script, calls.Count));
    }

    // SAFETY: the blocks live until Dispose; the child reads its own copy of them.
    private ScriptEntry Exec()
    {
        _argv = (nint*)new ByteStringArray(CollectionsMarshal.AsSpan(_request.Arguments)).Address;
        _envp = (nint*)new ByteStringArray(CollectionsMarshal.AsSpan(_request.Environment)).Address;
        bool byFd = _request.ProgramFd >= 0;
        byte[] program = Encoding.Latin1.GetBytes((byFd ? "" : _request.Program) + "\0");
        _program = (byte*)NativeMemory.Alloc((nuint)program.Length);
        program.CopyTo(new Span<byte>(_program, program.Length));
        int dirFd = byFd ? _request.ProgramFd : HostFcntl.AtFdCwd;
        ulong flags = byFd ? (ulong)HostFcntl.AtEmptyPath : 0;
        return new ScriptEntry(
            SysNr.execveat, unchecked((ulong)dirFd), (ulong)_program, (ulong)_argv, (ulong)_envp, flags);
    }

    private void Add(List<ScriptEntry> calls, string name, ScriptEntry call)
    {
        _names.Add(name);
        calls.Add(call);
    }
}
