using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Abi.Linux;
using HostOs;
using Platform.Kvm;
using Runsc.Oci;
using Sentry.Fs.Host;
using Stub;

namespace Runsc.Sandbox;

/// <summary>Starts the Sentry process.</summary>
internal static class Sentries
{
    /// <summary>Descriptor of the specification in the Sentry.</summary>
    internal const int SpecFd = 3;

    private const int ControlFd = 4;
    private const int LogFd = 5;
    private const int StandardError = 2;
    private const int ListenerFd = 6;
    private const int ExitFd = 7;
    private const int BellFd = 8;
    private const int FirstGoferFd = 9;

    /// <summary>
    /// Starts <c>runsc boot</c> in namespaces of every kind. Its user namespace knows one user, root inside, whom a
    /// privileged caller maps to nobody.
    /// </summary>
    internal static StartingProcess Begin(SandboxSpec spec, HostFd control, IReadOnlyList<HostFd> goferChannels,
        SandboxWiring wiring)
    {
        SpawnRequest request = new("/proc/self/exe")
        {
            NamespaceFlags = Sched.CLONE_NEWUSER | Sched.CLONE_NEWNS | Sched.CLONE_NEWPID | Sched.CLONE_NEWNET
                | Sched.CLONE_NEWIPC | Sched.CLONE_NEWUTS | Sched.CLONE_NEWCGROUP,
            SetGroups = HostIds.IsRoot ? SetGroups.Allow : SetGroups.Deny,
        };
        request.UidMap.Add(new IdMap(0, HostIds.IsRoot ? HostIds.Nobody : (uint)HostUnistd.GetUid(), 1));
        request.GidMap.Add(new IdMap(0, HostIds.IsRoot ? HostIds.Nobody : (uint)HostUnistd.GetGid(), 1));
        request.Cloned = wiring.Joined;
        request.Arguments.AddRange(["runsc-sandbox", "boot"]);
        request.Environment.AddRange(HostIds.Nursery);
        AddIdentity(request, wiring);
        int logFd = wiring.LogFd;
        spec.ControlFd = ControlFd;
        spec.ClosedStreams = wiring.Console is null ? StandardStreams.Closed : 0;
        bool needsLog = spec.Strace || spec.CountCalls;
        spec.DebugLogFd = logFd >= 0 ? LogFd : needsLog ? StandardError : -1;
        spec.LogLevel = logFd < 0 && !spec.CountCalls ? Boot.LogLevel.Warning
            : spec.IsVerbose ? Boot.LogLevel.Debug : Boot.LogLevel.Info;
        using OwnStreams streams = new(needsLog, wiring.Console);
        request.Descriptors.AddRange(streams.Map);
        request.Descriptors.Add(new FdMap(control.Value, ControlFd));
        if (logFd >= 0)
        {
            request.Descriptors.Add(new FdMap(logFd, LogFd));
        }

        spec.ListenerFd = Add(request, wiring.Listener, ListenerFd);
        spec.ExitFd = Add(request, wiring.ExitFile, ExitFd);
        spec.BellFd = Add(request, wiring.Bell, BellFd);
        for (int i = 0; i < goferChannels.Count; i++)
        {
            spec.GoferFds.Add(FirstGoferFd + i);
            request.Descriptors.Add(new FdMap(goferChannels[i].Value, FirstGoferFd + i));
        }

        using HostFd? device = OpenDevice(spec.Platform);
        int next = FirstGoferFd + goferChannels.Count;
        if (device is not null)
        {
            spec.PlatformFd = next++;
            request.Descriptors.Add(new FdMap(device.Value, spec.PlatformFd));
        }

        using PreservedFiles preserved = new(wiring.Preserved);
        foreach (int source in preserved.Numbers)
        {
            spec.PreservedFds.Add(next);
            request.Descriptors.Add(new FdMap(source, next++));
        }

        spec.LaunchedAt = Program.StartedAt;
        spec.SpawnedAt = Stopwatch.GetTimestamp();
        using HostFd specFd = WriteSealed(WireWriter.Write(spec));
        request.Descriptors.Add(new FdMap(specFd.Value, SpecFd));
        return HostIds.Begin(request);
    }

    /// <summary>What the platform cannot open itself once the Sentry is confined.</summary>
    private static HostFd? OpenDevice(string platform)
    {
        if (platform != "kvm")
        {
            return null;
        }

        return KvmPlatform.OpenDevice(out HostFd? device, out string problem) == Errno.None
            ? device
            : throw new UserErrorException(problem);
    }

    private static int Add(SpawnRequest request, HostFd? descriptor, int number)
    {
        if (descriptor is null)
        {
            return -1;
        }

        request.Descriptors.Add(new FdMap(descriptor.Value, number));
        return number;
    }

    private static void AddIdentity(SpawnRequest request, SandboxWiring wiring)
    {
        request.ExtraCalls.Add(("setresgid", new ScriptEntry(SysNr.setresgid)));
        if (HostIds.IsRoot)
        {
            request.ExtraCalls.Add(("setgroups", new ScriptEntry(SysNr.setgroups)));
        }

        request.ExtraCalls.Add(("setresuid", new ScriptEntry(SysNr.setresuid)));
        request.ExtraCalls.Add(HostIds.OwnSession());
        if (wiring.Lifetime == SandboxLifetime.EndsWithLauncher)
        {
            request.ExtraCalls.Add(HostIds.DieWithParent());
        }

        if (wiring.Console is { } console)
        {
            // As controlling terminal it tells of new sizes.
            ScriptEntry call = new(SysNr.ioctl, (ulong)console.Value, Ioctls.TIOCSCTTY);
            request.ExtraCalls.Add(("ioctl(TIOCSCTTY)", call));
            request.BlockedSignals = Boot.ControlServer.TerminalSignals;
        }
    }

    /// <summary>A description, for a Sentry that runs, as a sealed memory file.</summary>
    internal static HostFd WriteDocument(SandboxSpec spec) =>
        WriteSealed(JsonSerializer.SerializeToUtf8Bytes(spec, ControlJson.Default.SandboxSpec));

    private static HostFd WriteSealed(byte[] text)
    {
        Errno errno = HostMman.MemfdCreate("runsc-spec", HostMman.MfdCloexec | HostMman.MfdAllowSealing, out int fd);
        HostFd file = new(fd);
        errno = errno == Errno.None ? HostUnistd.WriteAll(fd, text) : errno;
        errno = errno == Errno.None ? HostUnistd.Seek(fd, 0, 0, out _) : errno;
        errno = errno == Errno.None ? HostFcntl.Fcntl(fd, HostFcntl.AddSeals, 0xf, out _) : errno;
        if (errno != Errno.None)
        {
            file.Dispose();
            throw new UserErrorException("cannot write the sandbox's specification: " + errno);
        }

        return file;
    }

    /// <summary>
    /// The standard streams for the Sentry: pipes and terminals opened anew, so that its O_NONBLOCK is not ours. The
    /// Sentry itself sees no /proc to do it with.
    /// </summary>
    private sealed class OwnStreams : System.IDisposable
    {
        private readonly List<HostFd> _opened = [];

        internal OwnStreams(bool keepsError, HostFd? console)
        {
            for (int fd = 0; fd < StandardStreams.Count; fd++)
            {
                int source = console?.Value ?? fd;
                if (console is null && StandardStreams.Substitute(fd) is { } substitute)
                {
                    _opened.Add(substitute);
                    source = substitute.Value;
                }
                else if (console is null && !(keepsError && fd == StandardError)
                    && HostFiles.TryOpenOwn(fd, out int own))
                {
                    _opened.Add(new HostFd(own));
                    source = own;
                }

                Map.Add(new FdMap(source, fd));
            }
        }

        internal List<FdMap> Map { get; } = [];

        public void Dispose() => _opened.ForEach(static fd => fd.Dispose());
    }
}
