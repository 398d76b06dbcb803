using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using Sentry.Fs.Host;

namespace Runsc.Sandbox;

/// <summary>Open files of the caller beside the standard streams, which the program inside gets under the same numbers
/// (<c>--preserve-fds</c>). Pipes and terminals are opened anew, so that the Sentry's O_NONBLOCK is not the
/// caller's.</summary>
internal sealed class PreservedFiles : IDisposable
{
    internal const int First = StandardStreams.Count;

    /// <summary>As many as one packet of an exec takes beside the others.</summary>
    private const int Most = 12;

    private readonly List<HostFd> _opened = [];

    internal PreservedFiles(int count)
    {
        for (int fd = First; fd < First + count; fd++)
        {
            bool isOwn = HostFiles.TryOpenOwn(fd, out int own);
            if (isOwn)
            {
                _opened.Add(new HostFd(own));
            }

            Numbers.Add(isOwn ? own : fd);
        }
    }

    /// <summary>What to hand over, in their order.</summary>
    internal List<int> Numbers { get; } = [];

    /// <summary>A user error unless the caller has handed over so many: what the run time opens is
    /// close-on-exec.</summary>
    internal static int Check(int count)
    {
        const string Flag = "--preserve-fds: ";
        if (count is < 0 or > Most)
        {
            throw new UserErrorException(Flag + count + ": not from 0 to " + Most);
        }

        for (int fd = First; fd < First + count; fd++)
        {
            Errno errno = HostFcntl.Fcntl(fd, HostFcntl.GetFd, 0, out int flags);
            if (errno != Errno.None || (flags & HostFcntl.FdCloexec) != 0)
            {
                throw new UserErrorException(Flag + count + ": descriptor " + fd + " is not open");
            }
        }

        return count;
    }

    /// <inheritdoc/>
    public void Dispose() => _opened.ForEach(static fd => fd.Dispose());
}
