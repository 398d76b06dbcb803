using System;
using System.Globalization;
using Abi.Linux;
using Gofer;
using HostOs;
using Lisafs;
using static Abi.Linux.Capability;

namespace Runsc.Boot;

/// <summary>
/// <c>runsc gofer CHANNELS ((ro|rw|ro-tree|rw-tree) PATH)...</c>: internal. Serves host directories over the
/// channels, descriptors 3
/// and up, until the Sentry closes them.
/// </summary>
internal static class GoferCommand
{
    private const int FirstChannelFd = 3;

    /// <summary>What acting on files for every user of the sandbox takes.</summary>
    private const ulong KeptCapabilities = 1UL << CAP_CHOWN | 1UL << CAP_DAC_OVERRIDE | 1UL << CAP_FOWNER
        | 1UL << CAP_FSETID | 1UL << CAP_SETFCAP;

    internal static int Run(string[] args)
    {
        int channels = int.Parse(args[1], CultureInfo.InvariantCulture);
        AttachPoint[] points = new AttachPoint[(args.Length - 2) / 2];
        for (int i = 0; i < points.Length; i++)
        {
            string access = args[2 + (i * 2)];
            string path = args[3 + (i * 2)];
            AttachFlags flags = access.StartsWith("ro", StringComparison.Ordinal) ? AttachFlags.ReadOnly
                : AttachFlags.None;
            Submounts submounts = access.EndsWith("tree", StringComparison.Ordinal) ? Submounts.Include
                : Submounts.Exclude;
            Errno opened = AttachPoint.OpenDetached(path, flags, submounts, out AttachPoint? point);
            if (opened != Errno.None)
            {
                return Cli.CommandLine.Fail("gofer: " + path + ": " + Oci.ErrorText.Describe(opened));
            }

            points[i] = point!;
        }

        Errno errno = Confine(points, out Server? server, out string step);
        if (errno != Errno.None)
        {
            return Cli.CommandLine.Fail("gofer: " + step + ": " + Oci.ErrorText.Describe(errno));
        }

        Span<int> fds = stackalloc int[channels];
        for (int i = 0; i < channels; i++)
        {
            fds[i] = FirstChannelFd + i;
        }

        try
        {
            server!.Serve(fds);
            return 0;
        }
        catch (OutOfMemoryException)
        {
            // Also what the run time says when the host gives no thread.
            return Cli.CommandLine.Fail("gofer: the host gives no memory or no thread");
        }
    }

    /// <summary>
    /// Leaves the host's file system: what is served is reached from descriptors, the root becomes an empty
    /// directory, the working directory the list of our own descriptors.
    /// </summary>
    private static Errno Confine(AttachPoint[] points, out Server? server, out string step)
    {
        server = null;
        step = "opening /proc";
        Errno errno = DescriptorDirectory.Open(out int descriptors);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = Isolation.EnterEmptyRoot(out step);
        if (errno != Errno.None)
        {
            return errno;
        }

        step = "entering its descriptors";
        errno = HostUnistd.Fchdir(descriptors);
        if (errno != Errno.None)
        {
            return errno;
        }

        server = Server.CreateConfined(points, descriptors);
        step = "dropping capabilities";
        errno = ThreadCapabilities.KeepOnly(KeptCapabilities);
        if (errno != Errno.None)
        {
            return errno;
        }

        step = "installing the system-call filter";
        return GoferFilter.Install();
    }
}
