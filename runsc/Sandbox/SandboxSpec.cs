using System.Collections.Generic;
using Sentry.Kernel;
using Sentry.Fs.Gofer;
using Sentry.Time;

namespace Runsc.Sandbox;

/// <summary>
/// What the launcher tells the Sentry, resolved and checked: everything relative, named or defaulted in config.json
/// is already a
/// number or an absolute path here. Goes to the Sentry over a <see cref="Wire"/>; of a process or container that joins
/// a running one as JSON, since the executable may be another by then. Strings are Latin-1 byte strings.
/// </summary>
internal sealed partial class SandboxSpec : ICarried
{
    /// <summary>Container id, for logs.</summary>
    public string Id { get; set; } = "";

    /// <summary>Bit n: the caller gave no standard stream n.</summary>
    public int ClosedStreams { get; set; }

    /// <summary>ptrace, systrap, kvm or auto.</summary>
    public string Platform { get; set; } = "auto";

    /// <summary>Whether systrap may replace system-call instructions of the guest.</summary>
    public bool SystrapPatching { get; set; } = true;

    public string Hostname { get; set; } = "runsc";

    public string Domainname { get; set; } = "(none)";

    public List<string> Args { get; set; } = [];

    public List<string> Environment { get; set; } = [];

    public string WorkingDirectory { get; set; } = "/";

    public uint Uid { get; set; }

    public uint Gid { get; set; }

    public List<uint> Groups { get; set; } = [];

    public uint Umask { get; set; } = 0x12;

    public ulong Bounding { get; set; }

    public ulong Effective { get; set; }

    public ulong Inheritable { get; set; }

    public ulong Permitted { get; set; }

    public ulong Ambient { get; set; }

    public bool NoNewPrivileges { get; set; }

    public SandboxKind Kind { get; set; }

    /// <summary>/proc/pid/oom_score_adj of the first process.</summary>
    public int OomScoreAdjust { get; set; }

    /// <summary>Soft and hard by RLIMIT_* number.</summary>
    public List<LimitSpec> Limits { get; set; } = [];

    public bool RootReadOnly { get; set; }

    public RootStorage RootStorage { get; set; }

    /// <summary>Who changes the root, where it is the host's directory.</summary>
    public GoferSharing RootSharing { get; set; }

    /// <summary>Who changes what is behind bind mounts.</summary>
    public GoferSharing MountSharing { get; set; } = GoferSharing.Shared;

    public List<SandboxMount> Mounts { get; set; } = [];

    /// <summary>Propagation of the root mount as for <see cref="SandboxMount.Propagation"/>.</summary>
    public ulong RootPropagation { get; set; }

    /// <summary>Nodes to make after the mounts.</summary>
    public List<DeviceNode> Devices { get; set; } = [];

    /// <summary>Files of /proc/sys and what to write to them, alternating.</summary>
    public List<string> Sysctls { get; set; } = [];

    public List<string> MaskedPaths { get; set; } = [];

    public List<string> ReadOnlyPaths { get; set; } = [];

    /// <summary>The first process gets a terminal of the sandbox; bytes go between it and descriptors 0 and
    /// 1.</summary>
    public bool Terminal { get; set; }

    public ushort TerminalRows { get; set; }

    public ushort TerminalColumns { get; set; }

    /// <summary>What was typed at the caller's terminal before it became raw.</summary>
    public byte[] TypedAhead { get; set; } = [];

    /// <summary>Bytes of guest memory; 0: limited by the host only.</summary>
    public long MemoryLimitBytes { get; set; }

    /// <summary>Most tasks in the sandbox; 0: no limit but the kernel's.</summary>
    public long PidsLimit { get; set; }

    /// <summary>Processors the guest sees at most; 0 for all that the Sentry may use.</summary>
    public int MostCpus { get; set; }

    /// <summary>Processor time of each period that the host gives, to be told; negative for no limit.</summary>
    public long CpuQuotaUs { get; set; } = -1;

    public long CpuPeriodUs { get; set; } = Sentry.Kernel.CpuBandwidth.DefaultPeriodUs;

    /// <summary>cpu.weight of cgroups(7).</summary>
    public long CpuWeight { get; set; } = Sentry.Kernel.CpuBandwidth.DefaultWeight;

    /// <summary>Instructions of a filter that every process of the container runs under (struct sock_filter, one
    /// word each); empty for none.</summary>
    public List<ulong> Seccomp { get; set; } = [];

    public bool Strace { get; set; }

    /// <summary>The debug log is to have everything.</summary>
    public bool IsVerbose { get; set; }

    /// <summary>What of the Sentry's log is written.</summary>
    public Boot.LogLevel LogLevel { get; set; }

    /// <summary>Report calls and managed bytes of each system call to the debug log at the end.</summary>
    public bool CountCalls { get; set; }

    /// <summary>Time stamp (Stopwatch) of the launcher's main, for the debug log.</summary>
    public long LaunchedAt { get; set; }

    /// <summary>Time stamp at which the launcher started the Sentry's process.</summary>
    public long SpawnedAt { get; set; }

    /// <summary>Descriptor of the debug log, or -1.</summary>
    public int DebugLogFd { get; set; } = -1;

    /// <summary>With the KVM platform, where the Sentry runs if it can: as <c>--kvm-sentry</c> has it.</summary>
    public string KvmSentry { get; set; } = "host";

    /// <summary>With --platform=auto, why it is not the KVM platform, or that it is; for the log.</summary>
    public string KvmChoice { get; set; } = "";

    /// <summary>What the host's clocks read, which the Sentry cannot find out where it is.</summary>
    public HostClockSource HostClockSource { get; set; }

    /// <summary>Descriptor of the device that the platform needs, or -1.</summary>
    public int PlatformFd { get; set; } = -1;

    /// <summary>Descriptor of the control channel to the launcher.</summary>
    public int ControlFd { get; set; }

    /// <summary>Listening socket for <see cref="ControlRequest"/>s, or -1.</summary>
    public int ListenerFd { get; set; } = -1;

    /// <summary>File that keeps the first process's wait status (four bytes) for those who come later, or
    /// -1.</summary>
    public int ExitFd { get; set; } = -1;

    /// <summary>Where a byte tells the host that memory was short, or -1.</summary>
    public int BellFd { get; set; } = -1;

    /// <summary>When the first program runs.</summary>
    public StartMoment StartMoment { get; set; }

    /// <summary>Of a container that joins a sandbox: what it has in common with it.</summary>
    public SharedNamespaces Shared { get; set; }

    /// <summary>Descriptors of open files that the first process gets, from 3 on.</summary>
    public List<int> PreservedFds { get; set; } = [];

    /// <summary>Descriptors of the gofer connection's channels.</summary>
    public List<int> GoferFds { get; set; } = [];
}

/// <summary>What the sandbox is for.</summary>
internal enum SandboxKind
{
    /// <summary><c>runsc do</c>: one command as a shell runs it. Signals end it, a program that cannot be executed is
    /// status 126 or 127, the working directory must be there.</summary>
    Command,

    /// <summary>An OCI container as runc runs it. The first process is an init: a signal without a handler does
    /// nothing to it. A missing working directory is made, HOME comes from the container's passwd file.</summary>
    Container,
}

/// <summary>Where what is written to the root file system goes.</summary>
internal enum RootStorage
{
    /// <summary>Into memory, gone with the sandbox; the host's directory is a read-only lower layer.</summary>
    Memory,

    /// <summary>Into the host's directory, as with runc.</summary>
    Host,
}

/// <summary>When the first program of a sandbox runs.</summary>
internal enum StartMoment
{
    /// <summary>At once.</summary>
    AtOnce,

    /// <summary>When somebody asks for it.</summary>
    OnRequest,
}

/// <summary>One resource limit.</summary>
internal sealed partial class LimitSpec : ICarried
{
    public int Resource { get; set; }

    public ulong Soft { get; set; }

    public ulong Hard { get; set; }
}

/// <summary>One mount inside the sandbox, in order; bind mounts name an attach point of the gofer.</summary>
internal sealed partial class SandboxMount : ICarried
{
    public string Destination { get; set; } = "/";

    /// <summary>bind, or a file system type of the Sentry.</summary>
    public string Type { get; set; } = "";

    /// <summary>Index of the gofer's attach point for bind mounts, else -1.</summary>
    public int AttachPoint { get; set; } = -1;

    public string Source { get; set; } = "none";

    /// <summary>MS_* flags.</summary>
    public ulong Flags { get; set; }

    /// <summary>MS_SHARED, MS_PRIVATE, MS_SLAVE or MS_UNBINDABLE (with MS_REC), or 0.</summary>
    public ulong Propagation { get; set; }

    /// <summary>Options for the file system (size=...).</summary>
    public string Data { get; set; } = "";
}

/// <summary>One node of linux.devices.</summary>
internal sealed partial class DeviceNode : ICarried
{
    public string Path { get; set; } = "";

    /// <summary>S_IF* type and permissions.</summary>
    public uint Mode { get; set; }

    public uint Major { get; set; }

    public uint Minor { get; set; }

    public uint Uid { get; set; }

    public uint Gid { get; set; }
}
