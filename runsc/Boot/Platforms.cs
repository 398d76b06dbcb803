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
    private const long NsPerMicrosecond = 1000;

    /// <summary>Makes the platform that <c>--platform</c> names; auto takes the fastest that works here.</summary>
    internal static Errno Create(SandboxSpec spec, DebugLog log, out IPlatform? platform, out string problem)
    {
        if (spec.Platform == "kvm")
        {
            return CreateKvm(spec.PlatformFd, log, out platform, out problem);
        }

        if (spec.Platform == "auto")
        {
            log.Write("platform auto: ptrace; with kvm every system call is an exit to the host, which costs more");
        }

        if (spec.Platform == "systrap")
        {
            return CreateSystrap(log, out platform, out problem);
        }

        return CreatePtrace(log, out platform, out problem);
    }

    private static Errno CreateKvm(int device, DebugLog log, out IPlatform? platform, out string problem)
    {
        Errno errno = KvmPlatform.Create(new HostFd(device), out KvmPlatform? kvm, out problem);
        if (kvm is not null)
        {
            kvm.Log = log.Write;
            string ring0 = kvm.IsRing0Emulated ? "is emulated by the host" : "runs on the CPU";
            log.Write("platform kvm: the Sentry is in host mode; ring 0 " + ring0 + " (calibration "
                + kvm.CalibrationNs / NsPerMicrosecond + " us)");
        }

        platform = kvm;
        return errno;
    }

    private static Errno CreateSystrap(DebugLog log, out IPlatform? platform, out string problem)
    {
        Errno errno = SystrapPlatform.Create(out SystrapPlatform? systrap, out problem);
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
