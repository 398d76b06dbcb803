using Runsc.Boot;
using Sentry.Fs.Gofer;
using Sentry.Kernel;
using Sentry.Time;

namespace Runsc.Sandbox;

/// <summary>How a specification passes from the launcher to the Sentry that it starts.</summary>
internal sealed partial class SandboxSpec
{
    /// <inheritdoc/>
    public void Carry(Wire wire)
    {
        CarrySandbox(wire);
        CarryProcess(wire);
        CarryFiles(wire);
        CarryLimits(wire);
        CarryDescriptors(wire);
    }

    private void CarrySandbox(Wire wire)
    {
        Id = wire.Text(Id);
        Kind = (SandboxKind)wire.Int((int)Kind);
        StartMoment = (StartMoment)wire.Int((int)StartMoment);
        Shared = (SharedNamespaces)wire.Int((int)Shared);
        Platform = wire.Text(Platform);
        SystrapPatching = wire.Flag(SystrapPatching);
        KvmSentry = wire.Text(KvmSentry);
        KvmChoice = wire.Text(KvmChoice);
        HostClockSource = (HostClockSource)wire.Int((int)HostClockSource);
        Strace = wire.Flag(Strace);
        CountCalls = wire.Flag(CountCalls);
        IsVerbose = wire.Flag(IsVerbose);
        LogLevel = (LogLevel)wire.Int((int)LogLevel);
        LaunchedAt = wire.Number(LaunchedAt);
        SpawnedAt = wire.Number(SpawnedAt);
        Hostname = wire.Text(Hostname);
        Domainname = wire.Text(Domainname);
        Sysctls = wire.Texts(Sysctls);
    }

    private void CarryProcess(Wire wire)
    {
        Args = wire.Texts(Args);
        Environment = wire.Texts(Environment);
        WorkingDirectory = wire.Text(WorkingDirectory);
        Uid = wire.UInt(Uid);
        Gid = wire.UInt(Gid);
        Groups = wire.Numbers(Groups);
        Umask = wire.UInt(Umask);
        Bounding = wire.Bits(Bounding);
        Effective = wire.Bits(Effective);
        Inheritable = wire.Bits(Inheritable);
        Permitted = wire.Bits(Permitted);
        Ambient = wire.Bits(Ambient);
        NoNewPrivileges = wire.Flag(NoNewPrivileges);
        Seccomp = wire.Numbers(Seccomp);
        OomScoreAdjust = wire.Int(OomScoreAdjust);
        Limits = wire.Items(Limits, static () => new LimitSpec());
        Terminal = wire.Flag(Terminal);
        TerminalRows = (ushort)wire.Int(TerminalRows);
        TerminalColumns = (ushort)wire.Int(TerminalColumns);
        TypedAhead = wire.Bytes(TypedAhead);
        ClosedStreams = wire.Int(ClosedStreams);
    }

    private void CarryFiles(Wire wire)
    {
        RootReadOnly = wire.Flag(RootReadOnly);
        RootStorage = (RootStorage)wire.Int((int)RootStorage);
        RootSharing = (GoferSharing)wire.Int((int)RootSharing);
        MountSharing = (GoferSharing)wire.Int((int)MountSharing);
        Mounts = wire.Items(Mounts, static () => new SandboxMount());
        RootPropagation = wire.Bits(RootPropagation);
        Devices = wire.Items(Devices, static () => new DeviceNode());
        MaskedPaths = wire.Texts(MaskedPaths);
        ReadOnlyPaths = wire.Texts(ReadOnlyPaths);
    }

    private void CarryLimits(Wire wire)
    {
        MemoryLimitBytes = wire.Number(MemoryLimitBytes);
        PidsLimit = wire.Number(PidsLimit);
        MostCpus = wire.Int(MostCpus);
        CpuQuotaUs = wire.Number(CpuQuotaUs);
        CpuPeriodUs = wire.Number(CpuPeriodUs);
        CpuWeight = wire.Number(CpuWeight);
    }

    private void CarryDescriptors(Wire wire)
    {
        DebugLogFd = wire.Int(DebugLogFd);
        PlatformFd = wire.Int(PlatformFd);
        ControlFd = wire.Int(ControlFd);
        ListenerFd = wire.Int(ListenerFd);
        ExitFd = wire.Int(ExitFd);
        BellFd = wire.Int(BellFd);
        PreservedFds = wire.Numbers(PreservedFds);
        GoferFds = wire.Numbers(GoferFds);
    }
}

/// <summary>One resource limit.</summary>
internal sealed partial class LimitSpec
{
    /// <inheritdoc/>
    public void Carry(Wire wire)
    {
        Resource = wire.Int(Resource);
        Soft = wire.Bits(Soft);
        Hard = wire.Bits(Hard);
    }
}

/// <summary>One mount inside the sandbox.</summary>
internal sealed partial class SandboxMount
{
    /// <inheritdoc/>
    public void Carry(Wire wire)
    {
        Destination = wire.Text(Destination);
        Type = wire.Text(Type);
        AttachPoint = wire.Int(AttachPoint);
        Source = wire.Text(Source);
        Flags = wire.Bits(Flags);
        Propagation = wire.Bits(Propagation);
        Data = wire.Text(Data);
    }
}

/// <summary>One device node.</summary>
internal sealed partial class DeviceNode
{
    /// <inheritdoc/>
    public void Carry(Wire wire)
    {
        Path = wire.Text(Path);
        Mode = wire.UInt(Mode);
        Major = wire.UInt(Major);
        Minor = wire.UInt(Minor);
        Uid = wire.UInt(Uid);
        Gid = wire.UInt(Gid);
    }
}
