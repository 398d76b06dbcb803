using System;
using Abi.Linux;
using HostOs;
using Platform;
using Runsc.Oci;
using Runsc.Sandbox;
using Sentry.Fs.PidFd;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Runsc.Boot;

/// <summary>Puts the kernel of one sandbox together and starts its first process.</summary>
internal sealed partial class Composer
{
    /// <summary>Least offsets of the memory file, else twice the limit, so that holes do no harm: sparse, so they cost
    /// nothing.</summary>
    private const ulong LeastMemoryFileBytes = 1UL << 37;

    // As the shell has them (POSIX, Shell Command Language, 2.8.2).
    private const int NotExecutableStatus = 126;
    private const int NotFoundStatus = 127;

    private readonly SandboxSpec _spec;
    private readonly IPlatform _platform;
    private readonly DebugLog _log;

    /// <summary>Descriptors of the host for 0, 1 and 2.</summary>
    private readonly int[] _streams;

    private Task? _init;

    internal Composer(SandboxSpec spec, IPlatform platform, DebugLog log)
    {
        _streams = [0, 1, 2];
        _spec = spec;
        _platform = platform;
        _log = log;
        Kernel = null!;
    }

    /// <summary>The kernel, once composed.</summary>
    internal GuestKernel Kernel { get; private set; }

    /// <summary>The way of the first process.</summary>
    internal SandboxLife Life { get; private set; } = null!;

    /// <summary>Whom clients talk to.</summary>
    internal ControlServer Server { get; private set; } = null!;

    internal void Attach(SandboxLife life, ControlServer server)
    {
        Life = life;
        Server = server;
    }

    /// <summary>Makes everything but the first program; null, or one line that says what failed.</summary>
    internal string? Compose()
    {
        ulong host = HostSysinfo.TotalMemoryBytes();
        host = host > 0 ? host : (ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        ulong limit = _spec.MemoryLimitBytes > 0 ? Math.Min(host, (ulong)_spec.MemoryLimitBytes) : host;
        Errno errno = MemoryFile.Create(Math.Max(LeastMemoryFileBytes, 2 * limit), limit, out MemoryFile? memory);
        if (errno != Errno.None)
        {
            return "cannot make the memory file: " + errno;
        }

        _platform.Keep(memory!.HostFd);
        Kernel = MakeKernel(memory, host);
        Kernel.PidFds = new PidFdFactory();
        Kernel.OomKilled = _spec.BellFd >= 0 ? RingBell : null;

        // Made now: its code cannot become executable once the system-call filter stands.
        _log.Write("vdso " + (Kernel.Clock.MonotonicNs > 0 ? "ready" : "without a clock"));
        VirtualFileSystem.UseClock(Kernel.Clock);
        RegisterFileSystems();
        _init = Kernel.CreateInit(MakeInit());
        _log.Step("kernel: memory, clock, file systems' types");
        string? problem = MountRoot(_init);
        _log.Step("root: the gofer's first answer");
        return problem ?? Furnish(_init);
    }

    /// <summary>Everything of the first process but its root and its program.</summary>
    private string? Furnish(Task init) =>
        MountAll(init) ?? MakeDevices(init) ?? WriteSettings(init) ?? OpenStandardFiles(init)
            ?? OpenPreservedFiles(init) ?? Restrict(init) ?? EnterWorkingDirectory(init, _spec) ?? PrepareSeccomp()
            ?? (_spec.Kind == SandboxKind.Container ? CheckProgram(init, _spec) : null);

    /// <summary>Starts the first program; null, or one line that says what failed and the exit status that goes with
    /// it.</summary>
    internal string? Start(out int status)
    {
        if (_spec.Kind == SandboxKind.Container)
        {
            SetHome(_init!, _spec);
        }

        _init!.FsContext.ExchangeUmask(_spec.Umask);
        _init.CommitCredentials(OwnCredentials(_spec));
        ApplySeccomp(_init);
        string path = FindProgram(_init, _spec, _spec.Args[0]);
        Errno errno = Kernel.Start(_init, path, _spec.Args.ToArray(), _spec.Environment.ToArray());
        status = _spec.Kind == SandboxKind.Container ? BootCommand.FailedStatus
            : errno == Errno.ENOENT ? NotFoundStatus
            : NotExecutableStatus;
        return errno == Errno.None ? null : "exec " + _spec.Args[0] + ": " + ErrorText.Describe(errno);
    }

    /// <summary>Tells the host that memory was short, and waits until it has heard it: before the end of the sandbox,
    /// whoever watches its control group must know why.</summary>
    private void RingBell()
    {
        const long HearNs = 1_000_000_000;
        System.Span<HostPollFd> polled = [new HostPollFd { Fd = _spec.BellFd }];
        if (HostUnistd.Write(_spec.BellFd, [1], out _) == Errno.None)
        {
            HostPoll.Poll(polled, HearNs, out _);
        }
    }

    /// <summary>Waits until what the container wrote has reached the caller's streams.</summary>
    internal void DrainOutput() => _console?.Dispose();
}
