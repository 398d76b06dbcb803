using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Sandbox;

/// <summary>
/// The host's limit on file sizes (RLIMIT_FSIZE, getrlimit(2)): guest memory is a file of the Sentry, sparse and
/// large, so the caller's limit for one program cannot be its. The container's own limit is the Sentry's business.
/// </summary>
internal static class FileSizeLimit
{
    /// <summary>The Sentry's memory file and what lies beside it.</summary>
    private const ulong LeastBytes = 1UL << 38;

    /// <summary>Lifts the limit of this process, as far as it may; a user error when too little is left.</summary>
    internal static void Lift()
    {
        if (HostPrctl.GetLimit(0, Resource.RLIMIT_FSIZE, out ulong soft, out ulong hard) != Errno.None
            || soft >= LeastBytes)
        {
            return;
        }

        if (HostPrctl.SetLimit(0, Resource.RLIMIT_FSIZE, ulong.MaxValue, ulong.MaxValue) == Errno.None)
        {
            return;
        }

        if (hard < LeastBytes || HostPrctl.SetLimit(0, Resource.RLIMIT_FSIZE, hard, hard) != Errno.None)
        {
            throw new UserErrorException("the limit on file sizes (ulimit -f, RLIMIT_FSIZE) is " + hard
                + " bytes: the sandbox's memory is a file and needs " + LeastBytes);
        }
    }
}
