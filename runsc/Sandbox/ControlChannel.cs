using System;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Runsc.Sandbox;

/// <summary>Sends and receives control messages over one end of a seqpacket pair. Sending is safe from several
/// threads.</summary>
internal sealed class ControlChannel
{
    private const int MaxMessageBytes = 8192;

    private int _fd;

    internal ControlChannel(int fd) => _fd = fd;

    /// <summary>Sends one message. EPIPE when the other side is gone.</summary>
    internal Errno Send(ControlMessage message)
    {
        return HostSocket.Send(_fd, WireWriter.Write(message), [], HostSocket.MsgNoSignal, out _);
    }

    /// <summary>Closes this end; sending says EBADF from now on.</summary>
    internal void Close()
    {
        int fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
        {
            HostUnistd.Close(fd);
        }
    }

    /// <summary>Waits for one message; null when the other side closed or sent what is no message.</summary>
    internal ControlMessage? Receive() => Receive(0);

    /// <summary>The message that is there already; null when there is none.</summary>
    internal ControlMessage? TakeWaiting() => Receive(HostSocket.MsgDontWait);

    private ControlMessage? Receive(int flags)
    {
        byte[] buffer = new byte[MaxMessageBytes];
        Errno errno;
        int done;
        do
        {
            // A peer that closes before it has read all sent to it leaves ECONNRESET, which is told once and before
            // the messages it had sent (net/unix/af_unix.c, unix_release_sock): its last word is still to be read.
            errno = HostSocket.Receive(_fd, buffer, [], flags, out done, out _);
        }
        while (errno is Errno.EINTR or Errno.ECONNRESET);

        if (errno != Errno.None || done == 0)
        {
            return null;
        }

        ControlMessage message = new();
        return WireReader.TryRead(buffer.AsSpan(0, done), message) ? message : null;
    }
}
