using System;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Sentry.Mm;

/// <summary>
/// Parts of the sandbox's memory with limits of their own (containers of a pod): each is a memory file, so that what
/// it holds is as exactly known as what the whole holds. The limit of the whole counts all of them. A part outlives
/// its container as long as others hold memory of it, and then serves the next one: its addresses stay good for ever.
/// </summary>
public sealed partial class MemoryFile
{
    /// <summary>Of which this is a part; null for the whole.</summary>
    private MemoryFile? _whole;

    // Changed under _lock, as a whole; read without.
    private MemoryFile[] _parts = [];

    // Guarded by the whole's _lock.
    private bool _isIdle;

    /// <summary>The file whose limit ends first what this one's users can have: this or the whole.</summary>
    public MemoryFile Tighter => _whole is { } whole && RoomPages > whole.RoomPages ? whole : this;

    /// <summary>The file with the smaller limit, this or the whole: the machine as its users see it.</summary>
    public MemoryFile Smaller =>
        _whole is { } whole && Volatile.Read(ref _limitPages) >= Volatile.Read(ref whole._limitPages) ? whole : this;

    private long RoomPages
    {
        get
        {
            long limit = Volatile.Read(ref _limitPages);
            return limit == long.MaxValue ? limit : limit - UsedPages - KernelPages;
        }
    }

    /// <summary>Pages handed out here and in all parts.</summary>
    private long HandedOutPages
    {
        get
        {
            long pages = Volatile.Read(ref _allocatedTotal);
            foreach (MemoryFile part in Volatile.Read(ref _parts))
            {
                pages += Volatile.Read(ref part._allocatedTotal);
            }

            return pages;
        }
    }

    /// <summary>
    /// A part with a limit of its own, ulong.MaxValue for none but the whole's. <paramref name="backing"/> (of
    /// <see cref="CreateBacking"/>) is taken, and closed where a part is there that nobody uses.
    /// </summary>
    public Errno TakePart(HostFd backing, ulong limitBytes, out MemoryFile? part)
    {
        part = TakeIdlePart();
        if (part is not null)
        {
            backing.Dispose();
            part.GiveBackNow();
        }
        else
        {
            Errno error = Create(backing, SizeBytes, ulong.MaxValue, out part);
            if (error != Errno.None)
            {
                return error;
            }

            part!._whole = this;
            using (_lock.Enter())
            {
                Volatile.Write(ref _parts, [.. _parts, part]);
            }
        }

        part.LimitBytes = limitBytes;
        return Errno.None;
    }

    /// <summary>Its container is gone: what others still hold of it counts for the whole alone.</summary>
    public void ReturnPart(MemoryFile part)
    {
        part.LimitBytes = ulong.MaxValue;
        part.OutOfMemory = OutOfMemory;
        using (_lock.Enter())
        {
            part._isIdle = true;
        }
    }

    private MemoryFile? TakeIdlePart()
    {
        using (_lock.Enter())
        {
            foreach (MemoryFile part in _parts)
            {
                if (part._isIdle && Volatile.Read(ref part._allocatedTotal) == 0)
                {
                    part._isIdle = false;
                    return part;
                }
            }
        }

        return null;
    }
}
