using System.Threading;
using Abi.Linux;
using HostOs;

namespace Sentry.Fs.Gofer;

/// <summary>
/// A descriptor of a served directory (O_PATH), by which names in it are looked at with fstatat(2). The system-call
/// filter lets the Sentry do no more with it; ".." leads no higher than the attach point, whose mount has nothing
/// above.
/// Counted, so that its number is not closed under a look.
/// </summary>
internal sealed class DirectoryView(int fd)
{
    /// <summary>Looks in progress, and one for the directory.</summary>
    private int _references = 1;

    /// <summary>Begins a look; false when the descriptor is closed.</summary>
    internal bool TryUse()
    {
        int count = Volatile.Read(ref _references);
        while (count > 0)
        {
            int seen = Interlocked.CompareExchange(ref _references, count + 1, count);
            if (seen == count)
            {
                return true;
            }

            count = seen;
        }

        return false;
    }

    /// <summary>A look is over, or the directory gives the view up: the last closes the descriptor.</summary>
    internal void Drop()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            HostUnistd.Close(fd);
        }
    }

    /// <summary>fstat(2) of the directory.</summary>
    internal Errno LookAtSelf(out Stat stat) => HostStat.Fstat(fd, out stat);

    /// <summary>lstat(2) of a name.</summary>
    internal Errno Look(string name, out Stat stat) =>
        HostStat.FstatAt(fd, name, HostFcntl.AtSymlinkNoFollow, out stat);
}
