using System;
using System.Threading;
using HostOs;

namespace Gofer;

/// <summary>Serving channels.</summary>
public sealed partial class Server
{
    /// <summary>A server that has lived so long gives back what starting took.</summary>
    private const int SettleMs = 1000;

    /// <summary>
    /// Serves the channels (SOCK_SEQPACKET sockets, taken over) with a thread each and returns when the client has
    /// closed all of them.
    /// </summary>
    public void Serve(ReadOnlySpan<int> channelFds)
    {
        ChannelLoop[] loops = new ChannelLoop[channelFds.Length];
        for (int i = 0; i < loops.Length; i++)
        {
            loops[i] = new ChannelLoop(this, channelFds[i]);
        }

        if (loops.Length > 0 && !loops[0].Join(SettleMs))
        {
            ResidentMemory.Trim();
        }

        foreach (ChannelLoop loop in loops)
        {
            loop.Join(Timeout.Infinite);
        }

        DropClient();
    }
}
