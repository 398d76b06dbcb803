using System;
using System.Text.Json;
using System.Threading;
using Abi.Linux;
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

    internal static int Run()
    {
        SandboxSpec spec = ReadSpec();
        ControlChannel channel = new(spec.ControlFd);
        DebugLog log = new(spec.DebugLogFd);
        new SentryFailure(channel, log).Watch();
        string? problem = Boot(spec, channel, log, out int status);
        if (problem is not null)
        {
            log.Write(problem);
            channel.Send(new ControlMessage { Kind = ControlKind.Failed, Number = status, Text = problem });
            return FailedStatus;
        }

        channel.Send(new ControlMessage { Kind = ControlKind.Exited, Number = status });
        return 0;
    }

    private static string? Boot(SandboxSpec spec, ControlChannel channel, DebugLog log, out int status)
    {
        status = FailedStatus;
        HostPrctl.Prctl(HostPrctl.SetDumpable, 1);
        // Privileges go first: a stub forked with more capabilities than the Sentry has could not be traced
        // (cap_ptrace_access_check).
        Errno errno = Isolation.EnterEmptyRoot(out string step);
        errno = errno == Errno.None ? Isolation.DropPrivileges(0) : errno;
        if (errno != Errno.None)
        {
            return "cannot isolate the sandbox: " + step + ": " + errno;
        }

        errno = Platforms.Create(spec.Platform, log, out IPlatform? platform, out string problem);
        if (errno != Errno.None)
        {
            return problem;
        }

        log.Write("platform " + platform!.Name);
        Composer composer = new(spec, platform, log);
        string? failure = composer.Compose();
        if (failure is not null)
        {
            return failure;
        }

        errno = SentryFilter.Install(platform.Name);
        if (errno != Errno.None)
        {
            return "cannot install the system-call filter: " + errno;
        }

        failure = composer.Start(out status);
        if (failure is not null)
        {
            return failure;
        }

        log.Write("started");
        ListenForControl(channel, composer);
        status = composer.Kernel.WaitForExit();
        log.Write("first process ended with wait status " + status);
        composer.DrainOutput();
        return null;
    }

    private static void ListenForControl(ControlChannel channel, Composer composer)
    {
        Thread thread = new(() =>
        {
            while (channel.Receive() is { } message)
            {
                composer.Handle(message);
            }

            // The launcher is gone, perhaps before PR_SET_PDEATHSIG was in force.
            HostUnistd.ExitGroup(FailedStatus);
        })
        {
            IsBackground = true,
            Name = "control",
        };
        thread.Start();
    }

    private static SandboxSpec ReadSpec()
    {
        byte[] text = new byte[MaxSpecBytes];
        Errno errno = HostUnistd.ReadAll(Sentries.SpecFd, text, out int done);
        HostUnistd.Close(Sentries.SpecFd);
        if (errno != Errno.None)
        {
            throw new InvalidOperationException("boot is started by runsc only");
        }

        return JsonSerializer.Deserialize(text.AsSpan(0, done), ControlJson.Default.SandboxSpec)!;
    }
}
