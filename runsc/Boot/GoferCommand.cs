using System;
using System.Globalization;
using Abi.Linux;
using Gofer;
using HostOs;
using Lisafs;
using static Abi.Linux.Capability;

namespace Runsc.Boot;

/// <summary>
/// <c>runsc gofer CHANNELS (ro|rw PATH)...</c>: internal. Serves host directories over the channels, descriptors 3
/// and up, until the Sentry closes them.
/// </summary>
internal static class GoferCommand
{
    private const int FirstChannelFd = 3;
    private const int FailedStatus = 1;

    /// <summary>What acting on files for every user of the sandbox takes.</summary>
    private const ulong KeptCapabilities = 1UL << CAP_CHOWN | 1UL << CAP_DAC_OVERRIDE | 1UL << CAP_DAC_READ_SEARCH
        | 1UL << CAP_FOWNER
        | 1UL << CAP_FSETID | 1UL << CAP_MKNOD | 1UL << CAP_SETFCAP | 1UL << CAP_SYS_CHROOT;

    internal static int Run(string[] args)
    {
        int channels = int.Parse(args[1], CultureInfo.InvariantCulture);
        AttachPoint[] points = new AttachPoint[(args.Length - 2) / 2];
        Errno errno = HostMount.Mount(null, "/", null, HostMount.Recursive | HostMount.Private, null);
        for (int i = 0; i < points.Length && errno == Errno.None; i++)
        {
            AttachFlags flags = args[2 + (i * 2)] == "ro" ? AttachFlags.ReadOnly : AttachFlags.None;
            string path = Cli.ByteStrings.FromText(args[3 + (i * 2)]);
            errno = AttachPoint.OpenDetached(path, flags, Submounts.Include, out AttachPoint? point);
            if (errno != Errno.None)
            {
                return Fail("gofer: " + args[3 + (i * 2)] + ": " + errno);
            }

            points[i] = point!;
        }

        Server? server = null;
        errno = errno == Errno.None ? Server.Create(points, out server) : errno;
        errno = errno == Errno.None ? Isolation.DropPrivileges(KeptCapabilities) : errno;
        if (errno != Errno.None)
        {
            return Fail("gofer: cannot isolate itself: " + errno);
        }

        Span<int> fds = stackalloc int[channels];
        for (int i = 0; i < channels; i++)
        {
            fds[i] = FirstChannelFd + i;
        }

        server!.Serve(fds);
        return 0;
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine("runsc: " + message);
        return FailedStatus;
    }
}
