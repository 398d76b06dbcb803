using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Lisafs;
using Sentry.Sync;

namespace Sentry.Fs.Gofer;

/// <summary>
/// Calls the gofer process over a pool of SOCK_SEQPACKET sockets: each carries one call at a time, so as many calls
/// proceed at once as there are sockets. A server that dies or breaks the framing turns every call, now and later,
/// into EIO.
/// </summary>
public sealed class SocketTransport : ITransport, IDisposable
{
    /// <summary>Counts the idle sockets; one more once the server is dead, which goes from waiter to waiter.</summary>
    private readonly SemaphoreSlim _available;

    /// <summary>Guards the two fields below.</summary>
    private readonly OrderedLock<GoferChannelLevel> _lock = new();
    private readonly int[] _idle;
    private int _idleCount;

    private readonly int[] _sockets;
    private int _isBroken;

    /// <summary>A pool over connected sockets, which it takes over.</summary>
    public SocketTransport(ReadOnlySpan<int> sockets)
    {
        _sockets = sockets.ToArray();
        _idle = sockets.ToArray();
        _idleCount = _idle.Length;
        _available = new SemaphoreSlim(_idleCount);
    }

    /// <summary>True once the server was found dead.</summary>
    public bool IsBroken => Volatile.Read(ref _isBroken) != 0;

    /// <inheritdoc/>
    public Errno Call(
        ReadOnlySpan<byte> request, Span<byte> answer, Span<int> descriptors, out int answerBytes,
        out int descriptorCount)
    {
        answerBytes = 0;
        descriptorCount = 0;
        if (!TryTake(out int socket))
        {
            return Errno.EIO;
        }

        Errno error = Exchange(socket, request, answer, descriptors, out answerBytes, out descriptorCount);
        if (error != Errno.None)
        {
            Break();
        }

        Return(socket);
        return error == Errno.None ? Errno.None : Errno.EIO;
    }

    /// <summary>Closes the sockets; no call may be in progress.</summary>
    public void Dispose()
    {
        Break();
        foreach (int socket in _sockets)
        {
            HostUnistd.Close(socket);
        }

        _available.Dispose();
    }

    /// <summary>Lets no further call begin, waits for those in progress, and closes the sockets: the server
    /// ends.</summary>
    public void Retire()
    {
        Break();
        while (!IsIdle())
        {
            Thread.Sleep(1);
        }

        foreach (int socket in _sockets)
        {
            HostUnistd.Close(socket);
        }
    }

    private bool IsIdle()
    {
        using (_lock.Enter())
        {
            return _idleCount == _sockets.Length;
        }
    }

    private static Errno Exchange(
        int socket, ReadOnlySpan<byte> request, Span<byte> answer, Span<int> descriptors, out int answerBytes,
        out int descriptorCount)
    {
        answerBytes = 0;
        descriptorCount = 0;
        Errno error;
        do
        {
            error = HostSocket.Send(socket, request, default, 0, out _);
        }
        while (error == Errno.EINTR);

        if (error != Errno.None)
        {
            return error;
        }

        do
        {
            error = HostSocket.Receive(socket, answer, descriptors, 0, out answerBytes, out descriptorCount);
        }
        while (error == Errno.EINTR);

        // The answer is there, but not all of its descriptors found room: the caller sees how many its header promises.
        if (error == Errno.EMSGSIZE && answerBytes > 0)
        {
            error = Errno.None;
        }

        return error == Errno.None && answerBytes == 0 ? Errno.EIO : error;
    }

    private bool TryTake(out int socket)
    {
        // Taken first so that debug builds see which locks the caller waits and calls under.
        using (_lock.Enter())
        {
            socket = -1;
        }

        _available.Wait();
        using (_lock.Enter())
        {
            if (!IsBroken)
            {
                socket = _idle[--_idleCount];
                return true;
            }
        }

        _available.Release();
        return false;
    }

    private void Return(int socket)
    {
        using (_lock.Enter())
        {
            _idle[_idleCount++] = socket;
        }

        _available.Release();
    }

    private void Break()
    {
        Volatile.Write(ref _isBroken, 1);
        _available.Release();
    }
}
