using System;
using System.Collections.Generic;
using HostOs;
using Runsc.Sandbox;
using Sentry.Fs.Host;

namespace Runsc.Containers;

/// <summary>Standard streams to pass to a running Sentry: the caller's, or a terminal for all three. Pipes and
/// terminals of the caller are opened anew, so that the Sentry's O_NONBLOCK is not the caller's.</summary>
internal sealed class PassedStreams : IDisposable
{
    private readonly List<HostFd> _opened = [];

    /// <summary>The terminal where there is one, else the caller's streams.</summary>
    internal PassedStreams(HostFd? terminal)
    {
        for (int fd = 0; fd < StandardStreams.Count; fd++)
        {
            int source = terminal?.Value ?? fd;
            if (terminal is null && StandardStreams.Substitute(fd) is { } substitute)
            {
                _opened.Add(substitute);
                source = substitute.Value;
            }
            else if (terminal is null && HostFiles.TryOpenOwn(fd, out int own))
            {
                _opened.Add(new HostFd(own));
                source = own;
            }

            Numbers[fd] = source;
        }
    }

    internal int[] Numbers { get; } = new int[StandardStreams.Count];

    /// <inheritdoc/>
    public void Dispose() => _opened.ForEach(static fd => fd.Dispose());
}
