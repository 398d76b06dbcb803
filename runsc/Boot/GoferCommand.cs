using System;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Abi.Linux;
using Gofer;
using HostOs;
using Lisafs;
using Runsc.Containers;
using Runsc.Sandbox;
using static Abi.Linux.Capability;
using AttachPoint = Gofer.AttachPoint;

namespace Runsc.Boot;

/// <summary>
/// <c>runsc gofer CHANNELS ORDERS ((ro|rw|ro-tree|rw-tree) PATH)...</c>: internal. Serves host directories over the
/// channels, descriptors 3
/// and up, until the Sentry closes them.
/// </summary>
internal static class GoferCommand
{
    private const int FirstChannelFd = 3;
    private const int ChunkBytes = 4096;

    /// <summary>What acting on files for every user of the sandbox takes.</summary>
    private const ulong KeptCapabilities = 1UL << CAP_CHOWN | 1UL << CAP_DAC_OVERRIDE | 1UL << CAP_FOWNER
        | 1UL << CAP_FSETID | 1UL << CAP_SETFCAP;

    internal static int Run(string[] args)
    {
        const int FirstPoint = 3;
        int channels = int.Parse(args[1], CultureInfo.InvariantCulture);
        string? problem = Obey(int.Parse(args[2], CultureInfo.InvariantCulture));
        if (problem is not null)
        {
            return Cli.CommandLine.Fail(problem);
        }

        AttachPoint[] points = new AttachPoint[(args.Length - FirstPoint) / 2];
        for (int i = 0; i < points.Length; i++)
        {
            string access = args[FirstPoint + (i * 2)];
            string path = args[FirstPoint + 1 + (i * 2)];
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

    /// <summary>Waits for the order, if there is one to come, and runs its hooks; null, or one line.</summary>
    private static string? Obey(int orders)
    {
        if (orders < 0)
        {
            return null;
        }

        using HostFd fd = new(orders);
        using MemoryStream text = new();
        byte[] chunk = new byte[ChunkBytes];
        bool isWhole = false;
        while (!isWhole && HostUnistd.Read(fd.Value, chunk, out int done) == Errno.None && done > 0)
        {
            text.Write(chunk, 0, done);
            isWhole = chunk[done - 1] == SandboxProcesses.EndOfOrder;
        }

        if (!isWhole)
        {
            return "gofer: the launcher is gone";
        }

        HookOrder order = JsonSerializer.Deserialize(text.ToArray(), ControlJson.Default.HookOrder)!;
        try
        {
            // The launcher keeps its end open as long as it lives.
            Hooks.RunAll("createContainer", order.Hooks, order.State, HookFailure.Fatal, fd.Value);
            return null;
        }
        catch (Oci.UserErrorException e)
        {
            return e.Message;
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
