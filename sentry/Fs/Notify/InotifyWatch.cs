using System.Threading;
using Abi.Linux;
using Sentry.Vfs;

namespace Sentry.Fs.Notify;

/// <summary>One watch of one instance on one inode, which it keeps in memory.</summary>
internal sealed class InotifyWatch : IFileWatch
{
    private const uint Interests = Inotify.IN_ALL_EVENTS;
    private const uint AlwaysReported = Inotify.IN_UNMOUNT;

    private readonly InotifyDescription _owner;
    private uint _mask;
    private int _isDetached;

    internal InotifyWatch(InotifyDescription owner, Inode target, int number, uint mask)
    {
        _owner = owner;
        Target = target;
        Number = number;
        _mask = mask;
    }

    /// <summary>What is watched.</summary>
    internal Inode Target { get; }

    /// <summary>Watch descriptor.</summary>
    internal int Number { get; }

    /// <summary>IN_ONESHOT.</summary>
    internal bool IsOneShot => (Volatile.Read(ref _mask) & Inotify.IN_ONESHOT) != 0;

    /// <inheritdoc/>
    public uint Mask => (Volatile.Read(ref _mask) & Interests) | AlwaysReported;

    /// <inheritdoc/>
    public bool IgnoresUnlinked => (Volatile.Read(ref _mask) & Inotify.IN_EXCL_UNLINK) != 0;

    /// <inheritdoc/>
    public void OnEvent(uint mask, uint cookie, string? name) => _owner.OnEvent(this, mask, cookie, name);

    /// <summary>A second inotify_add_watch(2): replaces the mask, or adds to it with IN_MASK_ADD.</summary>
    internal Errno ChangeMask(uint mask)
    {
        if ((mask & Inotify.IN_MASK_ADD) != 0)
        {
            Interlocked.Or(ref _mask, mask);
        }
        else
        {
            Volatile.Write(ref _mask, mask);
        }

        return Errno.None;
    }

    /// <summary>Leaves the inode and lets it go; once.</summary>
    internal void Detach()
    {
        if (Interlocked.Exchange(ref _isDetached, 1) == 0)
        {
            Target.RemoveWatch(this);
        }
    }
}
