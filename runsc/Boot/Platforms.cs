using Abi.Linux;
using Platform;
using Platform.Ptrace;

namespace Runsc.Boot;

/// <summary>The one place that names concrete platforms.</summary>
internal static class Platforms
{
    /// <summary>Makes the platform that <c>--platform</c> names; auto takes the fastest that works here.</summary>
    internal static Errno Create(string name, DebugLog log, out IPlatform? platform, out string problem)
    {
        if (name == "auto")
        {
            log.Write("platform auto: ptrace, the only one there is");
        }

        Errno errno = PtracePlatform.Create(out PtracePlatform? ptrace, out problem);
        if (ptrace is not null)
        {
            ptrace.Log = log.Write;
        }

        platform = ptrace;
        return errno;
    }
}
