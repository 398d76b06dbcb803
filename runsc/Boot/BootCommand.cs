using System;
using System.Diagnostics;
using Abi.Linux;
using Gofer;
using HostOs;
using Platform;
using Platform.Ptrace;
using Runsc.Sandbox;
using Sentry.Kernel;

namespace Runsc.Boot;

/// <summary>
/// <c>runsc boot</c>: internal. Becomes the Sentry of one sandbox: platform, isolation, kernel, file systems, first
/// process; reports its end over the control channel.
/// </summary>
internal static class BootCommand
{
    internal const int FailedStatus = 1;
    private const int MaxSpecBytes = 16 << 20;

    /// <summary>A sandbox that has lived so long gives back what starting took.</summary>
    private const int SettleMs = 1000;

    internal static int Run()
    {
        long entered = Stopwatch.GetTimestamp();
        long processorNs = HostTime.Now(HostTime.ClockProcessCpu);
        SandboxSpec spec = ReadSpec();
        ControlChannel channel = new(spec.ControlFd);
        DebugLog log = new(spec.DebugLogFd, spec.LaunchedAt, spec.LogLevel);
        log.Step("launcher: options, files, channels", spec.SpawnedAt);
        log.Begin("Sentry's process: clone, exec, run time", entered, processorNs);
        log.Step("specification read");
        new SentryFailure(channel, log).Watch();
        string? problem = Boot(spec, channel, log, out Composer? composer);
        if (problem is not null)
        {
            log.Write(problem);
            channel.Send(new ControlMessage { Kind = ControlKind.Failed, Number = FailedStatus, Text = problem });
            return FailedStatus;
        }

        return Live(spec, channel, log, composer!);
    }

    /// <summary>Makes everything but the first program, and takes from this process what it needs no more.</summary>
    private static string? Boot(SandboxSpec spec, ControlChannel channel, DebugLog log, out Composer? composed)
    {
        composed = null;
        HostPrctl.Prctl(HostPrctl.SetDumpable, 1);
        // Privileges go first: a stub forked with more capabilities than the Sentry has could not be traced
        // (cap_ptrace_access_check).
        Errno errno = Isolation.EnterEmptyRoot(out string step);
        errno = errno == Errno.None ? ThreadCapabilities.KeepOnly(0) : errno;
        if (errno != Errno.None)
        {
            return "cannot isolate the sandbox: " + step + ": " + errno;
        }

        log.Step("isolated");
        errno = Platforms.Create(spec, log, out IPlatform? platform, out string problem);
        if (errno != Errno.None)
        {
            return problem;
        }

        log.Step("platform " + platform!.Name);
        Composer composer = new(spec, platform, log);
        composed = composer;
        string? failure = composer.Compose();
        if (failure is not null)
        {
            return failure;
        }

        log.Step("mounts, devices, streams");
        SandboxLife life = new(composer, spec, channel);
        ControlServer server = new(spec, life, channel);
        composer.Attach(life, server);
        errno = server.Prepare();
        errno = errno == Errno.None ? SentryFilter.Install(platform.Name, spec.ListenerFd) : errno;
        log.Step("system-call filter");
        return errno == Errno.None ? null : "cannot install the system-call filter: " + errno;
    }

    /// <summary>From the first program to its end, which is this process's.</summary>
    private static int Live(SandboxSpec spec, ControlChannel channel, DebugLog log, Composer composer)
    {
        SandboxLife life = composer.Life;
        IPlatform platform = composer.Kernel.Platform;
        composer.Server.Start();
        if (spec.StartMoment == StartMoment.AtOnce)
        {
            life.Start();
            log.Step("first program loaded");
        }
        else
        {
            channel.Send(new ControlMessage { Kind = ControlKind.Created });
        }

        if (!life.AwaitStart(SettleMs) || !composer.Kernel.WaitForExit(SettleMs))
        {
            ResidentMemory.Trim();
        }

        life.AwaitStart();
        log.Write("started");
        int status = composer.Kernel.WaitForExit();
        log.Step("first process ended with wait status " + status);
        if (log.IsOpen && platform.Report.Length > 0)
        {
            log.Write(platform.Report);
        }

        if (spec.CountCalls)
        {
            composer.Kernel.SystemCallCounts.Report(line => log.Write("calls " + line));
            Platforms.ReportCounts(platform, log);
        }

        composer.DrainOutput();
        composer.Server.Finish(status);
        log.Step("output drained, clients told");
        life.End(status);
        return FailedStatus;
    }

    private static SandboxSpec ReadSpec()
    {
        const int FromEnd = 2;
        int done = 0;
        byte[] text = [];
        Errno errno = HostUnistd.Seek(Sentries.SpecFd, 0, FromEnd, out long length);
        errno = errno == Errno.None ? HostUnistd.Seek(Sentries.SpecFd, 0, 0, out _) : errno;
        if (errno == Errno.None)
        {
            text = new byte[checked((int)length)];
            errno = HostUnistd.ReadAll(Sentries.SpecFd, text, out done);
        }

        HostUnistd.Close(Sentries.SpecFd);
        SandboxSpec spec = new();
        bool isRead = errno == Errno.None && WireReader.TryRead(text.AsSpan(0, done), spec);
        return isRead ? spec : throw new InvalidOperationException("boot is started by runsc only");
    }
}
