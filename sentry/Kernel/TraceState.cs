using System.Threading;
using Abi.Linux;

namespace Sentry.Kernel;

/// <summary>Why a traced task stands still (ptrace(2), "Stopped states").</summary>
public enum TraceStopKind
{
    /// <summary>A signal is about to be delivered.</summary>
    Signal,

    /// <summary>Before a system call.</summary>
    SyscallEntry,

    /// <summary>After a system call.</summary>
    SyscallExit,

    /// <summary>SECCOMP_RET_TRACE.</summary>
    Seccomp,

    /// <summary>One of the other PTRACE_EVENT_*.</summary>
    Event,

    /// <summary>The whole process stopped: there is no siginfo.</summary>
    Group,
}

/// <summary>How a tracer attaches.</summary>
public enum TraceAttachment
{
    /// <summary>PTRACE_ATTACH: the task gets a SIGSTOP.</summary>
    Stop,

    /// <summary>PTRACE_SEIZE: it runs on.</summary>
    Seize,
}

/// <summary>How a traced task goes on after a stop.</summary>
public enum TraceResume
{
    /// <summary>Until the next event or signal.</summary>
    Continue,

    /// <summary>Until a system call begins or ends.</summary>
    Syscall,

    /// <summary>As <see cref="Syscall"/>, but the system call is left out.</summary>
    EmulateSyscall,

    /// <summary>One instruction.</summary>
    Step,

    /// <summary>One instruction, which if it is a system call is left out.</summary>
    EmulateStep,
}

/// <summary>What ties a traced task to its tracer; a new one at every attachment.</summary>
public sealed class TraceState
{
    private int _stopCode;

    internal TraceState(Task tracer, TraceAttachment attachment, uint options)
    {
        Tracer = tracer;
        IsSeized = attachment == TraceAttachment.Seize;
        Options = options;
    }

    /// <summary>The thread that may make requests.</summary>
    public Task Tracer { get; }

    /// <summary>Attached by PTRACE_SEIZE: group stops and interrupts are events.</summary>
    public bool IsSeized { get; }

    /// <summary>PTRACE_O_*; set by the tracer while the tracee is stopped.</summary>
    public uint Options { get; internal set; }

    /// <summary>Signal and event of the stop, as in the upper half of a wait status; 0 while the task runs. Written
    /// under the tracee's signal lock.</summary>
    public int StopCode
    {
        get => Volatile.Read(ref _stopCode);
        internal set => Volatile.Write(ref _stopCode, value);
    }

    // Guarded by the tracee's signal lock.
    internal bool IsReported { get; set; }

    internal bool IsListening { get; set; }

    internal bool IsTrapPending { get; set; }

    // The stop itself: written by the tracee before it stops, by the tracer while it is stopped.
    internal TraceStopKind Kind { get; set; }

    internal ulong Message { get; set; }

    internal SigInfo Info { get; set; }

    internal byte[]? FpImage { get; set; }

    internal bool HasNewFp { get; set; }

    internal int ResumeSignal { get; set; }

    internal TraceResume Resume { get; set; }

    /// <summary>True for PTRACE_O_x.</summary>
    internal bool Has(int option) => (Options & (uint)option) != 0;
}

/// <summary>The end of a traced task that its tracer has not heard of: of a thread, or of a process whose parent is
/// another.</summary>
internal sealed class TraceExit
{
    internal required Pid Identity { get; init; }

    internal required Task Tracer { get; init; }

    internal required Pid ProcessGroup { get; init; }

    internal required uint KernelUid { get; init; }

    internal required int Status { get; init; }

    /// <summary>The process whose parent learns of the end only after the tracer has; null for a thread.</summary>
    internal ThreadGroup? Held { get; init; }
}
