using System;
using System.Collections.Generic;
using System.Text;
using System.Text.Json;
using Abi.Linux;
using HostOs;
using Runsc.Cli;
using Runsc.Oci;
using Sentry.Time;

namespace Runsc.Sandbox;

/// <summary>The Sentry and the gofer of one sandbox as the launcher holds them, and the channel to the
/// Sentry.</summary>
internal sealed class SandboxProcesses : IDisposable
{
    /// <summary>The last byte of an order: JSON on one line has none.</summary>
    internal const byte EndOfOrder = (byte)'\n';

    private readonly List<HostFd> _owned = [];
    private readonly List<SpawnedProcess> _started = [];
    private HostFd? _goferSays;
    private HostFd? _goferOrders;

    /// <summary>Channel to the Sentry.</summary>
    internal ControlChannel Channel { get; private set; } = null!;

    /// <summary>Descriptor of the channel, to poll.</summary>
    internal int ChannelFd { get; private set; }

    internal SpawnedProcess Sentry => _started[0];

    internal SpawnedProcess Gofer => _started[1];

    /// <summary>What is needed before the processes: their channel. Messages can be sent already.</summary>
    internal static SandboxProcesses Prepare()
    {
        SandboxProcesses result = new();
        (HostFd own, HostFd sentry) = result.MakePair();
        result.ChannelFd = own.Value;
        result.Channel = new ControlChannel(own.Value);
        result._sentryChannel = sentry;
        return result;
    }

    private HostFd _sentryChannel = null!;

    /// <summary>Starts both. On failure none is left.</summary>
    internal void Start(SandboxBuilder builder, GlobalFlags.Values flags, SandboxWiring wiring)
    {
        SandboxSpec spec = builder.Spec;
        spec.Platform = flags.Platform;
        spec.KvmSentry = flags.KvmSentry;
        spec.HostClockSource = FindClockSource();
        if (flags.Platform == "auto")
        {
            ChooseKvm(spec);
        }

        spec.MostCpus = flags.CpusFromQuota && spec.CpuQuotaUs > 0
            ? (int)Math.Min((spec.CpuQuotaUs + spec.CpuPeriodUs - 1) / spec.CpuPeriodUs, int.MaxValue)
            : 0;
        spec.SystrapPatching = flags.SystrapPatching;
        spec.RootSharing = flags.RootSharing;
        spec.MountSharing = flags.MountSharing;
        spec.Strace = flags.Strace;
        spec.IsVerbose = flags.IsVerbose;
        spec.CountCalls = flags.CountCalls;
        FileSizeLimit.Lift();
        DescriptorLimit.Raise();
        wiring.LogFd = OpenDebugLog(flags.DebugLog);
        Boot.DebugLog log = new(wiring.LogFd, Program.StartedAt);
        log.Begin("launcher: exec, run time", Program.StartedAt, Program.ProcessorNs);
        log.Step("launcher: command line, specification");
        List<HostFd> goferEnds = [];
        List<HostFd> sentryEnds = [];
        for (int i = 0; i < Gofers.ChannelCount; i++)
        {
            (HostFd goferEnd, HostFd sentryEnd) = MakePair();
            goferEnds.Add(goferEnd);
            sentryEnds.Add(sentryEnd);
        }

        if (wiring.Lifetime == SandboxLifetime.OutlivesLauncher)
        {
            _goferSays = MakeGoferSays();
        }

        using HostFd? orders = wiring.Launched is null ? null : MakeOrderPipe(out _goferOrders);

        // The Sentry first: it has more to do before they talk.
        using (StartingProcess sentry = Sentries.Begin(spec, _sentryChannel, sentryEnds, wiring))
        using (StartingProcess gofer = Gofers.Begin(builder, goferEnds, wiring, _goferSays, orders))
        {
            log.Step("launcher: both processes cloned");
            _started.Add(HostIds.Finish(sentry));
            _started.Add(HostIds.Finish(gofer));
            log.Step("launcher: both are our program");
        }

        goferEnds.ForEach(static fd => fd.Dispose());
        sentryEnds.ForEach(static fd => fd.Dispose());
        _sentryChannel.Dispose();
        wiring.Launched?.Invoke(this);
    }

    /// <summary>Lets the gofer go on. One that has ended is found out by who waits for it.</summary>
    internal void OrderGofer(Containers.HookOrder order) => SendOrder(_goferOrders!, order);

    /// <summary>Writes the order. The pipe stays open: it says that the launcher is there.</summary>
    internal static void SendOrder(HostFd orders, Containers.HookOrder order)
    {
        byte[] text = JsonSerializer.SerializeToUtf8Bytes(order, ControlJson.Default.HookOrder);
        HostUnistd.WriteAll(orders.Value, [.. text, EndOfOrder]);
    }

    /// <summary>The gofer's end of a pipe for its order, and the other.</summary>
    internal static HostFd MakeOrderPipe(out HostFd? sender)
    {
        Errno errno = HostUnistd.Pipe2(HostFcntl.CloseOnExec, out int read, out int write);
        if (errno != Errno.None)
        {
            throw new UserErrorException("cannot make a pipe: " + ErrorText.Describe(errno));
        }

        sender = new HostFd(write);
        return new HostFd(read);
    }

    /// <summary>Of this host, as it says (kernel/time/clocksource.c, current_clocksource).</summary>
    private static HostClockSource FindClockSource() =>
        SmallFile.Read("/sys/devices/system/clocksource/clocksource0/current_clocksource") == "tsc\n"
            ? HostClockSource.Tsc
            : HostClockSource.Unknown;

    /// <summary>With --platform=auto: KVM where it is the fastest there is.</summary>
    private static void ChooseKvm(SandboxSpec spec)
    {
        KvmVerdict verdict = spec.KvmSentry != "host" ? KvmVerdict.Find()
            : new KvmVerdict("the Sentry would be in host mode (--kvm-sentry=ring0)");
        spec.Platform = verdict.IsRing0 ? "kvm" : "auto";
        spec.KvmChoice = verdict.IsRing0 ? "ring 0 runs on the CPU" : verdict.WhyNot;
    }

    /// <summary>Ends all before waiting for any, so that the host takes them down side by side; their wait
    /// statuses.</summary>
    internal int[] End()
    {
        foreach (SpawnedProcess process in _started)
        {
            HostWait.PidFdSendSignal(process.PidFd.Value, Signals.SIGKILL);
        }

        int[] statuses = new int[_started.Count];
        for (int i = 0; i < statuses.Length; i++)
        {
            statuses[i] = Reap(_started[i]);
        }

        _started.Clear();
        return statuses;
    }

    /// <summary>Lets the processes live on.</summary>
    internal void LetGo()
    {
        Channel.Send(new ControlMessage { Kind = ControlKind.Detach });
        foreach (SpawnedProcess process in _started)
        {
            process.PidFd.Dispose();
        }

        _started.Clear();
    }

    /// <summary>The gofer's line, when it had to say something and its standard error was not the caller's.</summary>
    internal string GoferSaid() => _goferSays is null ? "" : ReadLine(_goferSays);

    /// <summary>A standard error for a gofer that outlives its launcher: it must not keep the caller's open.</summary>
    internal static HostFd MakeGoferSays()
    {
        Errno errno = HostMman.MemfdCreate("runsc-gofer-says", HostMman.MfdCloexec, out int said);
        return errno == Errno.None ? new HostFd(said)
            : throw new UserErrorException("cannot make a memory file: " + ErrorText.Describe(errno));
    }

    /// <summary>The line that a gofer wrote into such a file; empty when it wrote none.</summary>
    internal static string ReadLine(HostFd goferSays)
    {
        const int Limit = 4096;
        const string Prefix = "runsc: ";
        byte[] text = new byte[Limit];
        if (HostUnistd.Pread(goferSays.Value, text, 0, out int done) != Errno.None)
        {
            return "";
        }

        string line = Encoding.Latin1.GetString(text, 0, done).Split('\n')[0];
        return line.StartsWith(Prefix, StringComparison.Ordinal) ? line[Prefix.Length..] : line;
    }

    /// <summary>Ends what still runs.</summary>
    public void Dispose()
    {
        End();
        _goferSays?.Dispose();
        _goferOrders?.Dispose();
        foreach (HostFd fd in _owned)
        {
            fd.Dispose();
        }
    }

    private static int Reap(SpawnedProcess process)
    {
        int status;
        while (HostWait.Wait4(process.Pid, HostWait.All, out status, out _) == Errno.EINTR)
        {
        }

        process.PidFd.Dispose();
        return status;
    }

    private int OpenDebugLog(string? path)
    {
        if (path is null)
        {
            return -1;
        }

        Errno errno = OpenLog(path, out int fd);
        if (errno != Errno.None)
        {
            throw new UserErrorException("--debug-log: " + path + ": " + ErrorText.Describe(errno));
        }

        _owned.Add(new HostFd(fd));
        return fd;
    }

    /// <summary>Opens a log to append to, for its owner only. Never waits: a FIFO that nobody reads is
    /// ENXIO.</summary>
    internal static Errno OpenLog(string path, out int fd)
    {
        const int Flags = HostFcntl.WriteOnly | HostFcntl.Create | HostFcntl.Append | HostFcntl.CloseOnExec
            | HostFcntl.NonBlock;
        const int OwnerOnly = 0x180;
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, Flags, OwnerOnly, out fd);
        return errno == Errno.None ? HostFcntl.Fcntl(fd, HostFcntl.SetFl, HostFcntl.Append, out _) : errno;
    }

    private (HostFd First, HostFd Second) MakePair()
    {
        (HostFd one, HostFd other) = MakeChannel();
        _owned.Add(one);
        _owned.Add(other);
        return (one, other);
    }

    /// <summary>Both ends of a channel between two processes of a sandbox.</summary>
    internal static (HostFd First, HostFd Second) MakeChannel()
    {
        Errno errno = HostSocket.SocketPair(HostSocket.AfUnix, HostSocket.SeqPacket | HostSocket.Cloexec, 0,
            out int first, out int second);
        if (errno != Errno.None)
        {
            throw new UserErrorException("cannot make a socket pair: " + errno);
        }

        HostFd one = new(first);
        HostFd other = new(second);
        return (one, other);
    }
}

/// <summary>What ties the processes of a sandbox to the host beyond their channels.</summary>
internal sealed class SandboxWiring
{
    internal SandboxLifetime Lifetime { get; init; }

    /// <summary>Listening control socket, or null.</summary>
    internal HostFd? Listener { get; init; }

    /// <summary>File for the wait status, or null.</summary>
    internal HostFd? ExitFile { get; init; }

    /// <summary>The Sentry's end of the bell of <see cref="OomBell"/>, or null.</summary>
    internal HostFd? Bell { get; init; }

    /// <summary>Slave of the host's pseudo terminal that the container's is joined to; null: the caller's
    /// streams.</summary>
    internal HostFd? Console { get; init; }

    /// <summary>Open files to pass beside the standard streams.</summary>
    internal int Preserved { get; init; }

    /// <summary>Called with the id of each process as soon as it is there (control groups).</summary>
    internal Action<int>? Joined { get; init; }

    /// <summary>Called when both processes are there; the gofer waits until it was given its order. Null: it waits
    /// for none.</summary>
    internal Action<SandboxProcesses>? Launched { get; init; }

    /// <summary>Debug log, or -1.</summary>
    internal int LogFd { get; set; } = -1;
}

/// <summary>How long a sandbox lives.</summary>
internal enum SandboxLifetime
{
    /// <summary>Not longer than the process that started it.</summary>
    EndsWithLauncher,

    /// <summary>Until its first process ends: the launcher goes before.</summary>
    OutlivesLauncher,
}
