using System;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Socket.Unix;

/// <summary>A bound name (unix(7)): a path or an abstract name, as sockaddr_un's bytes after the family.</summary>
internal sealed class UnixName(byte[] bytes, UnixNameKind kind)
{
    /// <summary>
    /// sun_path as getsockname(2) reports it: with the NUL of a path, with the leading NUL of an abstract name.
    /// </summary>
    public ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>Path or abstract.</summary>
    public UnixNameKind Kind => kind;
}

/// <summary>Where a name lives.</summary>
internal enum UnixNameKind
{
    Path,
    Abstract,
}

/// <summary>
/// Bytes on their way to a socket: one packet, or a piece of a stream. Pooled by size, so that sending allocates
/// nothing in the steady state.
/// </summary>
internal sealed class UnixMessage
{
    /// <summary>Largest piece of a stream, as Linux cuts it (net/unix/af_unix.c).</summary>
    public const int MaxPieceBytes = 32768;

    // What a buffer costs beyond its bytes: keeps the number of small messages a sender may have under way near
    // Linux's.
    private const int OverheadBytes = 256;
    private const int PoolMax = 256;

    private static readonly int[] s_sizes = [512, 4096, MaxPieceBytes];
    private static readonly OrderedLock<LeafLevel> s_lock = new();

    // Guarded by s_lock; one list per size.
    private static readonly UnixMessage?[] s_free = new UnixMessage?[3];
    private static readonly int[] s_freeCount = new int[3];

    private readonly byte[] _buffer;
    private readonly int _sizeIndex;

    private UnixMessage(int capacityBytes, int sizeIndex)
    {
        _buffer = capacityBytes == 0 ? [] : GC.AllocateUninitializedArray<byte>(capacityBytes);
        _sizeIndex = sizeIndex;
    }

    /// <summary>Next in a queue, or in the pool.</summary>
    public UnixMessage? Next;

    /// <summary>First unread byte.</summary>
    public int Offset;

    /// <summary>Unread bytes.</summary>
    public int Length;

    /// <summary>Who is charged for the buffer until it is read.</summary>
    public UnixSocket? Sender;

    /// <summary>Name of the sender when it sent; null when it had none.</summary>
    public UnixName? SenderName;

    /// <summary>Files that travel along; guarded by the collector's lock once the message is queued.</summary>
    public MessageRights? Rights;

    /// <summary>Credentials that travel along.</summary>
    public MessageCredentials? Credentials;

    /// <summary>What the sender is charged.</summary>
    public int ChargeBytes => _buffer.Length + OverheadBytes;

    /// <summary>Unread bytes.</summary>
    public Span<byte> Data => _buffer.AsSpan(Offset, Length);

    /// <summary>The whole buffer, for filling.</summary>
    public Span<byte> Buffer => _buffer;

    /// <summary>An empty message with room for <paramref name="capacityBytes"/>.</summary>
    public static UnixMessage Rent(int capacityBytes)
    {
        int index = SizeIndex(capacityBytes);
        KernelHeap.Charge((index < 0 ? capacityBytes : s_sizes[index]) + OverheadBytes);
        if (index < 0)
        {
            return new UnixMessage(capacityBytes, -1);
        }

        UnixMessage? message;
        using (s_lock.Enter())
        {
            message = s_free[index];
            if (message is not null)
            {
                s_free[index] = message.Next;
                s_freeCount[index]--;
                message.Next = null;
            }
        }

        return message ?? new UnixMessage(s_sizes[index], index);
    }

    /// <summary>Gives the message back. Files were taken out before.</summary>
    public void Return()
    {
        KernelHeap.Uncharge(ChargeBytes);
        Offset = 0;
        Length = 0;
        Sender = null;
        SenderName = null;
        Rights = null;
        Credentials = null;
        Next = null;
        if (_sizeIndex < 0)
        {
            return;
        }

        using (s_lock.Enter())
        {
            if (s_freeCount[_sizeIndex] < PoolMax >> (_sizeIndex * 2))
            {
                Next = s_free[_sizeIndex];
                s_free[_sizeIndex] = this;
                s_freeCount[_sizeIndex]++;
            }
        }
    }

    private static int SizeIndex(int capacityBytes)
    {
        for (int i = 0; i < s_sizes.Length; i++)
        {
            if (capacityBytes <= s_sizes[i])
            {
                return i;
            }
        }

        return -1;
    }
}

/// <summary>A first-in first-out list of messages. Guarded by its socket's lock.</summary>
internal struct UnixMessageQueue
{
    private UnixMessage? _head;
    private UnixMessage? _tail;

    /// <summary>Messages in it.</summary>
    public int Count { get; private set; }

    /// <summary>Unread bytes in it.</summary>
    public long Bytes { get; private set; }

    /// <summary>The oldest message.</summary>
    public readonly UnixMessage? Head => _head;

    /// <summary>Appends.</summary>
    public void Push(UnixMessage message)
    {
        message.Next = null;
        if (_tail is null)
        {
            _head = message;
        }
        else
        {
            _tail.Next = message;
        }

        _tail = message;
        Count++;
        Bytes += message.Length;
    }

    /// <summary>Takes the oldest message out.</summary>
    public UnixMessage? Pop()
    {
        UnixMessage? message = _head;
        if (message is null)
        {
            return null;
        }

        _head = message.Next;
        _tail = _head is null ? null : _tail;
        message.Next = null;
        Count--;
        Bytes -= message.Length;
        return message;
    }

    /// <summary>Bytes were read off the oldest message.</summary>
    public void Consume(int bytes)
    {
        _head!.Offset += bytes;
        _head.Length -= bytes;
        Bytes -= bytes;
    }
}
