using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>
/// Interest of one epoll instance in one descriptor: the wait entry on the file's queue and a place in the ready
/// list.
/// </summary>
internal sealed class EpollItem : WaitEntry
{
    // Guarded by the instance's ready lock.
    internal EpollItem? NextReady;
    internal EpollItem? PreviousReady;
    internal bool IsReady;

    // List of the file's items, guarded by the file's item lock.
    internal EpollItem? NextOfFile;
    internal EpollItem? PreviousOfFile;

    internal EpollItem(EpollDescription owner, FileDescription file)
    {
        Owner = owner;
        File = file;
    }

    /// <summary>Instance it belongs to.</summary>
    internal EpollDescription Owner { get; }

    /// <summary>
    /// Watched file; not a reference: the file removes its items before it is released. Changes when a removed item is
    /// used again, under the instance's lock.
    /// </summary>
    internal FileDescription File { get; set; }

    /// <summary>Descriptor given to epoll_ctl(2), half of the key. As <see cref="File"/>.</summary>
    internal int Descriptor { get; set; }

    /// <summary>What epoll_wait(2) gives back. Guarded by the instance's lock.</summary>
    internal ulong Data { get; set; }

    /// <summary>EPOLLET and EPOLLONESHOT, EPOLLEXCLUSIVE. Guarded by the instance's lock.</summary>
    internal uint Behaviour { get; set; }

    /// <summary>True after EPOLLONESHOT fired, until EPOLL_CTL_MOD. Guarded by the instance's lock.</summary>
    internal bool IsDisabled { get; set; }

    /// <summary>True once it left the interest table. Guarded by the instance's lock.</summary>
    internal bool IsRemoved { get; set; }

    /// <inheritdoc/>
    public override bool OnNotify(uint events) => Owner.OnItemNotified(this, events);
}
