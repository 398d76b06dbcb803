namespace Runsc.Sandbox;

/// <summary>What a client asks of a running Sentry over its control socket: one packet of JSON, with descriptors
/// where the kind says so.</summary>
internal sealed partial class ControlRequest
{
    public RequestKind Kind { get; set; }

    /// <summary>Which container of the sandbox is meant; none is the sandbox's own.</summary>
    public string? Container { get; set; }

    /// <summary>Signal number.</summary>
    public int Number { get; set; }

    /// <summary>Process id inside the sandbox.</summary>
    public int Pid { get; set; }

    public ushort Rows { get; set; }

    public ushort Columns { get; set; }

    /// <summary>Of Update: bytes; 0 leaves the limit alone, negative lifts it.</summary>
    public long MemoryLimitBytes { get; set; }

    /// <summary>Of Update: tasks; as MemoryLimitBytes.</summary>
    public long PidsLimit { get; set; }

    /// <summary>Of Update: as in <see cref="SandboxSpec"/>; 0 leaves it alone.</summary>
    public long CpuQuotaUs { get; set; }

    /// <summary>As CpuQuotaUs.</summary>
    public long CpuPeriodUs { get; set; }

    /// <summary>As CpuQuotaUs.</summary>
    public long CpuWeight { get; set; }
}

/// <summary>The requests of the control socket.</summary>
internal enum RequestKind
{
    /// <summary>No request: what a packet without a kind says.</summary>
    None,

    /// <summary>Run the program of the first process.</summary>
    Start,

    /// <summary>Signal Number to the first process, or to that of the connection's own Exec.</summary>
    Signal,

    /// <summary>Signal Number to every process.</summary>
    SignalAll,

    /// <summary>Signal Number to the process Pid.</summary>
    SignalProcess,

    /// <summary>Run another process. Descriptors: the document (a sealed memory file with a
    /// <see cref="SandboxSpec"/> of which the process counts), then its standard streams. The connection is the
    /// process's life line: when it closes, the process is killed.</summary>
    Exec,

    /// <summary>Tell when the first process ends.</summary>
    Wait,

    /// <summary>List the processes.</summary>
    List,

    /// <summary>Stop every task before its next instruction.</summary>
    Pause,

    /// <summary>Undo Pause.</summary>
    Resume,

    /// <summary>Tell what the sandbox uses.</summary>
    Statistics,

    /// <summary>The terminal of the connection's Exec, or of the first process, has a new size.</summary>
    WindowSize,

    /// <summary>New limits of the whole sandbox.</summary>
    Update,

    /// <summary>Write strace lines to the debug log. Descriptor, where there is one: the new debug log.</summary>
    Trace,

    /// <summary>Undo Trace.</summary>
    StopTrace,

    /// <summary>The debug log takes lines up to the level Number (<see cref="Boot.LogLevel"/>).</summary>
    SetLogLevel,

    /// <summary>Tell what every task does.</summary>
    Tasks,

    /// <summary>Make another container in the sandbox. Descriptors: the document (a sealed memory file with a
    /// <see cref="SandboxSpec"/>), its standard streams, the file for its wait status, its gofer's channels. The
    /// connection is its life line, as for Exec.</summary>
    Join,

    /// <summary>Tell how many system calls of the sandbox came in by which way.</summary>
    Calls,
}
