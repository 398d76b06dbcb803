using System;
using System.Threading;
using Abi.Linux;
using Platform;
using Sentry.Loader;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Kernel;

public sealed partial class Task
{
    private const ulong InitialEflags = 0x202;
    private const int MaxScriptDepth = 5;

    /// <summary>Timers that do not survive execve (POSIX timers); called past the point of no return.</summary>
    partial void OnExecTimers();

    /// <summary>
    /// execve(2), execveat(2): runs another program in this process. On success the registers are those of the new
    /// program and the caller must not touch them.
    /// </summary>
    public Errno Execute(int directoryFd, string path, int flags, ProgramArguments arguments)
    {
        if ((ulong)_account.Tasks > ThreadGroup.Limits.Soft(Resource.RLIMIT_NPROC) && _exceededProcessLimit
            && !MayExceedProcessLimit)
        {
            return Errno.EAGAIN;
        }

        _exceededProcessLimit = false;
        int formerId = Trace is { } trace ? Identity.NumberIn(trace.Tracer.PidNamespace) : 0;
        Errno errno = PrepareExecution(directoryFd, path, flags, arguments, out ExecutionPlan? plan);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = ProgramLoader.Load(this, plan!, out LoadedProgram program);
        if (errno == Errno.None)
        {
            errno = ThreadGroup.BecomeSingleThreaded(this);
            if (errno != Errno.None)
            {
                program.Mm.DropUser();
            }
        }

        if (errno == Errno.None)
        {
            EnterProgram(plan!, program, formerId);
        }

        plan!.Program.DropReference(this);
        return errno;
    }

    /// <summary>Loads the first program of the sandbox into a task that has never run.</summary>
    internal Errno LoadInitialProgram(string path, string[] arguments, string[] environment)
    {
        ProgramArguments list = new(ThreadGroup.Limits.Soft(Resource.RLIMIT_STACK));
        Errno errno = Errno.None;
        foreach (string argument in arguments)
        {
            errno = errno != Errno.None ? errno : list.AddArgument(argument);
        }

        foreach (string variable in environment)
        {
            errno = errno != Errno.None ? errno : list.AddEnvironment(variable);
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        errno = PrepareExecution(Fcntl.AT_FDCWD, path, 0, list, out ExecutionPlan? plan);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = ProgramLoader.Load(this, plan!, out LoadedProgram program);
        if (errno == Errno.None)
        {
            TakeProgram(plan!, program);
            StartRegisters(ref _initialRegisters, program);
        }

        plan!.Program.DropReference(this);
        return errno;
    }

    /// <summary>Opens the program, follows scripts to their interpreter, and decides on the new identity.</summary>
    private Errno PrepareExecution(int directoryFd, string path, int flags, ProgramArguments arguments,
        out ExecutionPlan? plan)
    {
        plan = null;
        Errno errno = Kernel.Vfs.OpenForExecute(this, directoryFd, path, flags, out FileDescription? file);
        if (errno != Errno.None)
        {
            return errno;
        }

        string shownPath = ShownPath(directoryFd, path);
        ExecutionPlan result = new()
        {
            Program = file!,
            Path = shownPath,
            Name = shownPath[(shownPath.LastIndexOf('/') + 1)..],
            Arguments = arguments,
            Credentials = Credentials,
            ClosesPath = IsPathClosed(directoryFd, path),
        };
        errno = FollowScripts(result, shownPath);
        errno = errno != Errno.None ? errno : DecideIdentity(result);
        if (errno != Errno.None)
        {
            result.Program.DropReference(this);
            return errno;
        }

        plan = result;
        return Errno.None;
    }

    /// <summary>The name the program hears of: execveat of a descriptor has it as /dev/fd/N (fs/exec.c).</summary>
    private static string ShownPath(int directoryFd, string path)
    {
        if (directoryFd == Fcntl.AT_FDCWD || path.StartsWith('/'))
        {
            return path;
        }

        return path.Length == 0 ? "/dev/fd/" + directoryFd : "/dev/fd/" + directoryFd + "/" + path;
    }

    /// <summary>
    /// True when the shown path begins with a descriptor that the execution closes: an interpreter could not open it
    /// (BINPRM_FLAGS_PATH_INACCESSIBLE).
    /// </summary>
    private bool IsPathClosed(int directoryFd, string path) =>
        directoryFd != Fcntl.AT_FDCWD && !path.StartsWith('/')
        && FdTable.GetCloseOnExec(directoryFd, out CloseOnExec closes) == Errno.None && closes == CloseOnExec.Yes;

    private Errno FollowScripts(ExecutionPlan plan, string path)
    {
        byte[] start = new byte[ScriptLine.MaxBytes];
        string scriptPath = path;
        for (int depth = 0; ; depth++)
        {
            Errno errno = ReadStart(plan.Program, start, out int length);
            if (errno != Errno.None || !ScriptLine.IsScript(start.AsSpan(0, length)))
            {
                return errno;
            }

            if (depth >= MaxScriptDepth)
            {
                return Errno.ELOOP;
            }

            errno = ScriptLine.Parse(start.AsSpan(0, length), out ScriptLine line);
            errno = errno == Errno.None && plan.ClosesPath ? Errno.ENOENT : errno;
            errno = errno != Errno.None ? errno : plan.Arguments.EnterScript(line, scriptPath);
            FileDescription? interpreter = null;
            errno = errno != Errno.None ? errno : Kernel.Vfs.OpenForExecute(this, Fcntl.AT_FDCWD, line.Interpreter,
                0, out interpreter);
            if (errno != Errno.None)
            {
                return errno;
            }

            plan.Program.DropReference(this);
            plan.Program = interpreter!;
            scriptPath = line.Interpreter;
        }
    }

    private Errno ReadStart(FileDescription file, byte[] buffer, out int length)
    {
        IoSequence destination = IoSequence.FromBuffer(buffer);
        Errno errno = file.PRead(this, ref destination, 0, out long done);
        length = (int)done;
        return errno;
    }

    /// <summary>A tracer without CAP_SYS_PTRACE must not gain power over a more powerful program.</summary>
    private bool IsTracedWithoutRights => Trace is { } trace
        && !trace.Tracer.Credentials.HasCapability(Capability.CAP_SYS_PTRACE, Credentials.UserNamespace);

    /// <summary>Set-id bits and file capabilities (capabilities(7), "Transformation of capabilities during
    /// execve()").</summary>
    private Errno DecideIdentity(ExecutionPlan plan)
    {
        Errno errno = plan.Program.Inode.GetAttributes(out InodeAttributes attributes);
        if (errno != Errno.None)
        {
            return errno;
        }

        ExecutionPrivileges privileges = new()
        {
            Mode = attributes.Mode,
            Uid = attributes.Uid,
            Gid = attributes.Gid,
            IgnoresSetId = plan.Program.Path.Mount.IsNoSetId || IsTracedWithoutRights,
            NoNewPrivileges = NoNewPrivileges,
            SharesFileSystem = FsContext.UserCount > ThreadGroup.LiveTasks,
        };
        bool hasCapabilities = !privileges.IgnoresSetId
            && plan.Program.Inode.GetXattr(this, "security.capability", out byte[] value) == Errno.None
            && FileCapabilities.TryParse(value, Credentials.UserNamespace, out privileges.Capabilities);
        privileges.HasCapabilities = hasCapabilities;
        errno = Credentials.ForExecution(privileges, out Credentials credentials, out bool isSecure);
        plan.Credentials = credentials;
        plan.IsSecure = isSecure;
        plan.IsUnreadable = Kernel.Vfs.IsUnreadable(this, plan.Program);
        return errno;
    }

    /// <summary>Past the point of no return: the old program is gone (fs/exec.c, begin_new_exec).</summary>
    private void EnterProgram(ExecutionPlan plan, in LoadedProgram program, int formerId)
    {
        OnExecTimers();
        NotePeakMemory();
        Kernel.Futexes.ReleaseTask(this);
        ClearChildTid = GuestAddress.Null;
        RobustList = GuestAddress.Null;
        MemoryManager? old = TakeProgram(plan, program);
        OpenVforkGate();
        old?.DropUser();
        OfferAnswers();
        StartRegisters(ref Context.Registers, program);
        Context.WriteFpState([]);
        KeepRegisters();
        ReportExec(formerId);
    }

    /// <summary>The tracer hears of the new program: by an event, or as of old by a SIGTRAP.</summary>
    private void ReportExec(int formerId)
    {
        TraceState? trace = Trace;
        if (trace is null)
        {
            return;
        }

        if (trace.Has(Ptrace.PTRACE_O_TRACEEXEC))
        {
            StopAtEvent(Ptrace.PTRACE_O_TRACEEXEC, Ptrace.PTRACE_EVENT_EXEC, (ulong)formerId);
        }
        else if (!trace.IsSeized)
        {
            SendSignal(SigInfos.FromSender(Signals.SIGTRAP, SigCode.SI_USER, this, ThreadGroup));
        }
    }

    /// <summary>Replaces memory, identity, names and handlers; closes what does not survive. The old memory is the
    /// caller's to drop.</summary>
    private MemoryManager? TakeProgram(ExecutionPlan plan, in LoadedProgram program)
    {
        MemoryManager? old = ReplaceMm(program.Mm);
        ThreadGroup.ResetHandlers();
        ResetAltStack();
        UnshareFdTable();
        FdTable.CloseForExec(this);
        bool changesIdentity = plan.Credentials.ChangesIdentity(Credentials);
        if (plan.IsSecure || changesIdentity)
        {
            ParentDeathSignal = 0;
            Personality &= ~Abi.Linux.Personality.PER_CLEAR_ON_SETID;
        }

        SetCredentials(plan.Credentials);
        ThreadGroup.Dumpable = plan.IsUnreadable || plan.IsSecure || changesIdentity ? 0 : 1;
        ThreadGroup.HasExecuted = true;
        ThreadGroup.ExitSignal = ThreadGroup.Parent is null ? 0 : Signals.SIGCHLD;
        Name = plan.Name;
        return old;
    }

    private void UnshareFdTable()
    {
        if (FdTable.UserCount > 1)
        {
            ReplaceFdTable(FdTable.Copy()).DropUser(this);
        }
    }

    private static void StartRegisters(ref GuestRegisters registers, in LoadedProgram program)
    {
        registers = new GuestRegisters
        {
            Rip = program.Entry,
            Rsp = program.StackPointer,
            Eflags = InitialEflags,
            Cs = SignalFrame.UserCodeSelector,
            Ss = SignalFrame.UserDataSelector,
            OrigRax = ulong.MaxValue,
        };
    }
}
