using System;
using Abi.Linux;
using HostOs;
using Platform;
using Platform.Kvm;
using Platform.Ptrace;
using Platform.Systrap;
using Runsc.Sandbox;

namespace Runsc.Boot;

/// <summary>The one place that names concrete platforms.</summary>
internal static class Platforms
{
    /// <summary>Makes the platform that <c>--platform</c> names; auto takes the fastest that works here.</summary>
    internal static Errno Create(SandboxSpec spec, DebugLog log, out IPlatform? platform, out string problem)
    {
        if (spec.KvmChoice.Length > 0)
        {
            log.Write("platform auto: " + (spec.Platform == "kvm" ? "" : "not ") + "kvm: " + spec.KvmChoice);
        }

        if (spec.Platform == "kvm")
        {
            SentryPlace place = spec.KvmSentry switch
            {
                "ring0" => SentryPlace.Ring0,
                "apart" => SentryPlace.Ring0Apart,
                _ => SentryPlace.HostMode,
            };
            return CreateKvm(spec.PlatformFd, place, log, out platform, out problem);
        }

        if (spec.Platform is "systrap" or "auto")
        {
            Patching patching = spec.SystrapPatching ? Patching.On : Patching.Off;
            Errno errno = CreateSystrap(patching, log, out platform, out problem);
            if (spec.Platform == "systrap" || errno == Errno.None)
            {
                log.Write(spec.Platform == "auto" ? "platform auto: systrap" : "platform systrap, as asked");
                return errno;
            }

            log.Write("platform auto: ptrace, because systrap does not work here: " + problem, LogLevel.Warning);
        }

        return CreatePtrace(log, out platform, out problem);
    }

    /// <summary>
    /// How often the virtual machine was left; where the Sentry is in ring 0, one more line for each cause.
    /// </summary>
    internal static void ReportCounts(IPlatform platform, DebugLog log)
    {
        if (platform is not KvmPlatform kvm)
        {
            return;
        }

        LeaveCounts counts = kvm.CountLeaves();
        log.Write($"kvm: {counts.Total + counts.Exits} exits");
        if (kvm.Place != SentryPlace.HostMode)
        {
            log.Write($"kvm: left ring 0 {counts.Total} times; {counts.Runs} runs, {counts.Interrupted} interrupted; "
                + $"{GC.CollectionCount(0)} garbage collections");
            foreach (string line in counts.Lines)
            {
                log.Write("kvm: left ring 0 for " + line);
            }
        }
    }

    private static Errno CreateKvm(
        int device, SentryPlace place, DebugLog log, out IPlatform? platform, out string problem)
    {
        const int Vcpus = KvmPlatform.DefaultMaxVcpus;
        Errno errno = KvmPlatform.Create(new HostFd(device), out KvmPlatform? kvm, out problem, Vcpus, place);
        if (kvm is not null)
        {
            kvm.Log = log.Write;
            string ring0 = kvm.IsRing0Emulated ? "is emulated by the host" : "runs on the CPU";
            string sentry = kvm.Place switch
            {
                SentryPlace.Ring0 => "ring 0",
                SentryPlace.Ring0Apart => "ring 0, on page tables of its own",
                _ => "host mode",
            };
            string why = kvm.WhyHostMode.Length > 0 ? ", because " + kvm.WhyHostMode : "";
            string evidence = " (" + kvm.Ring0Evidence + ")";
            log.Write("platform kvm: the Sentry is in " + sentry + why + "; ring 0 " + ring0 + evidence);
        }

        platform = kvm;
        return errno;
    }

    private static Errno CreateSystrap(Patching patching, DebugLog log, out IPlatform? platform, out string problem)
    {
        Errno errno = SystrapPlatform.Create(patching, out SystrapPlatform? systrap, out problem);
        if (systrap is not null)
        {
            systrap.Log = log.Write;
        }

        platform = systrap;
        return errno;
    }

    private static Errno CreatePtrace(DebugLog log, out IPlatform? platform, out string problem)
    {
        Errno errno = PtracePlatform.Create(out PtracePlatform? ptrace, out problem);
        if (ptrace is not null)
        {
            ptrace.Log = log.Write;
        }

        platform = ptrace;
        return errno;
    }
}
