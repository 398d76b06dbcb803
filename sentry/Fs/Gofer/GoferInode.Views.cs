using System.Threading;
using Abi.Linux;
using HostOs;
using Lisafs;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>
/// Files that others change too, looked at from here: without the server, and once per system call. What fstat(2)
/// shows the Sentry is right but for the owner, who is only known from the server; that answer holds as long as the
/// time of change (inode(7), st_ctime) stays what it was.
/// </summary>
internal abstract partial class GoferInode
{
    /// <summary>No time of change: the owner has not been asked for.</summary>
    private const long Unknown = long.MinValue;

    /// <summary>
    /// Time of change to which the owner in the attributes belongs. Guarded by <see cref="Lock"/>.
    /// </summary>
    private long _ownerChangeNs = Unknown;

    /// <summary>The system call (<see cref="Task.CallSerial"/>) in which the attributes were read.</summary>
    private ulong _freshFor;

    /// <summary>
    /// Whether the attributes were read in this very system call: its walk came by here, and nothing was written since.
    /// </summary>
    protected bool IsFresh => Task.OfThisThread is { } task
        && Volatile.Read(ref _freshFor) == task.CallSerial && Volatile.Read(ref _isStale) == 0;

    /// <summary>The attributes have been read now.</summary>
    internal void MarkFresh()
    {
        if (Task.OfThisThread is { } task)
        {
            Volatile.Write(ref _freshFor, task.CallSerial);
        }
    }

    /// <summary>
    /// Whether whatever changes a file from now on gives it another time of change; <paramref name="nowNs"/> was read
    /// before that time was.
    /// </summary>
    protected bool IsSettled(long changeTimeNs, long nowNs) => changeTimeNs < nowNs - Gofer.SettleNs;

    /// <summary>Takes attributes that the server was asked for after <paramref name="beforeNs"/>.</summary>
    internal void AdoptAnswer(in WireAttributes attributes, long beforeNs)
    {
        InodeAttributes converted = Convert(attributes);
        using (Lock.Enter())
        {
            _attributes = converted;
            NoteOwnerLocked(beforeNs);
        }
    }

    /// <summary>
    /// Takes what stat(2) says here; false when it is another file or its owner may be another. Before stat,
    /// <see cref="ClearStale"/>.
    /// </summary>
    internal bool TryAdopt(in Stat stat)
    {
        if (!IsOf(stat))
        {
            return false;
        }

        using (Lock.Enter())
        {
            if (_ownerChangeNs == Unknown || _ownerChangeNs != ToNs(stat.st_ctime, stat.st_ctime_nsec))
            {
                return false;
            }

            AdoptStatLocked(stat);
            return true;
        }
    }

    /// <summary>Whether the attributes are of this file.</summary>
    internal bool IsOf(in Stat stat) =>
        HostIdentity == (stat.st_dev, stat.st_ino) && FileType == (stat.st_mode & StatMode.S_IFMT);

    private void NoteOwnerLocked(long beforeNs)
    {
        long change = _attributes.ChangeTimeNs;
        _ownerChangeNs = IsSettled(change, beforeNs) ? change : Unknown;
    }

    /// <summary>What stat(2) says of the file here; false when the server must be asked.</summary>
    protected virtual bool TryLookAtSelf(out Stat stat)
    {
        stat = default;
        return GetPlace(out string name) is { } parent && parent.TryLook(name, out stat, out Errno error)
            && error == Errno.None;
    }

    /// <summary>Reads the attributes without the server; false when it must be asked.</summary>
    private bool SeesItself()
    {
        ClearStale();
        return TryLookAtSelf(out Stat stat) && TryAdopt(stat);
    }
}
