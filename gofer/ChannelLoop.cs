using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Lisafs;

namespace Gofer;

/// <summary>
/// One thread that answers the requests of one channel until the client closes it or breaks the protocol.
/// </summary>
internal sealed class ChannelLoop
{
    private const int StackBytes = 256 * 1024;

    private readonly Server _server;
    private readonly int _socketFd;
    private readonly Thread _thread;

    /// <summary>Starts; takes over the socket.</summary>
    internal ChannelLoop(Server server, int socketFd)
    {
        _server = server;
        _socketFd = socketFd;
        _thread = new Thread(Run, StackBytes) { IsBackground = true, Name = "gofer-channel" };
        _thread.Start();
    }

    /// <summary>Waits for the end of the channel; false when it has not come in that time.</summary>
    internal bool Join(int timeoutMs) => _thread.Join(timeoutMs);

    private void Run()
    {
        byte[] request = GC.AllocateUninitializedArray<byte>(Protocol.MaxMessageBytes, pinned: true);
        byte[] answer = GC.AllocateUninitializedArray<byte>(Protocol.MaxMessageBytes, pinned: true);
        while (ReceiveRequest(request, out int length) && AnswerRequest(request.AsSpan(0, length), answer))
        {
        }

        HostUnistd.Close(_socketFd);
    }

    private bool ReceiveRequest(byte[] request, out int length)
    {
        Errno error;
        do
        {
            error = HostSocket.Receive(_socketFd, request, default, 0, out length, out _);
        }
        while (error == Errno.EINTR);

        return error == Errno.None && length > 0;
    }

    private bool AnswerRequest(ReadOnlySpan<byte> request, byte[] buffer)
    {
        Span<int> descriptors = stackalloc int[Protocol.MaxDescriptors];
        ReadOnlySpan<byte> answer = _server.Dispatch(request, buffer, descriptors, out int count);
        Errno error;
        do
        {
            error = HostSocket.Send(_socketFd, answer, descriptors[..count], 0, out _);
        }
        while (error == Errno.EINTR);

        foreach (int fd in descriptors[..count])
        {
            HostUnistd.Close(fd);
        }

        return error == Errno.None;
    }
}
