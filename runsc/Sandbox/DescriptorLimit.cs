using System;
using System.Globalization;
using System.IO;
using Abi.Linux;
using HostOs;

namespace Runsc.Sandbox;

/// <summary>
/// The host's limit on descriptors (RLIMIT_NOFILE, getrlimit(2)) for Sentry and gofer, which inherit it. They stand for
/// every process of the sandbox, so the soft limit of one program, which the caller has, is not theirs. The limits that
/// the container's processes see are the Sentry's own and have nothing to do with it.
/// </summary>
internal static class DescriptorLimit
{
    private const string HostMaximum = "/proc/sys/fs/nr_open";

    /// <summary>Raises the soft limit of this process as far as it may; what is refused stays as it was.</summary>
    internal static void Raise()
    {
        if (HostPrctl.GetLimit(0, Resource.RLIMIT_NOFILE, out ulong soft, out ulong hard) != Errno.None || soft >= hard)
        {
            return;
        }

        // A hard limit above fs.nr_open cannot be set again, not even unchanged (kernel/sys.c, do_prlimit).
        if (HostPrctl.SetLimit(0, Resource.RLIMIT_NOFILE, hard, hard) != Errno.None && TryReadMaximum(out ulong most)
            && most > soft)
        {
            HostPrctl.SetLimit(0, Resource.RLIMIT_NOFILE, Math.Min(most, hard), Math.Min(most, hard));
        }
    }

    private static bool TryReadMaximum(out ulong maximum)
    {
        maximum = 0;
        try
        {
            string text = File.ReadAllText(HostMaximum);
            return ulong.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out maximum);
        }
        catch (IOException)
        {
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }
}
