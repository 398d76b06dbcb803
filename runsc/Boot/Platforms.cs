using Abi.Linux;
using Platform;
using Platform.Ptrace;
using Platform.Systrap;

namespace Runsc.Boot;

/// <summary>The one place that names concrete platforms.</summary>
internal static class Platforms
{
    /// <summary>Makes the platform that <c>--platform</c> names; auto takes the fastest that works here.</summary>
    internal static Errno Create(string name, DebugLog log, out IPlatform? platform, out string problem)
    {
        if (name == "systrap")
        {
            return CreateSystrap(log, out platform, out problem);
        }

        return CreatePtrace(log, out platform, out problem);
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
