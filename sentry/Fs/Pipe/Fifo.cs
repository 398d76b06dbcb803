using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Pipe;

/// <summary>Opening of FIFOs (fifo(7), fs/pipe.c fifo_open).</summary>
public sealed class Fifo : ISpecialFileFactory
{
    /// <inheritdoc/>
    public Errno Open(Task task, Inode inode, VfsPath path, int flags, ulong device, out FileDescription? file)
    {
        PipeRing ring = inode.SpecialState as PipeRing ?? (PipeRing)inode.InstallSpecialState(new PipeRing());
        return inode is AnonymousInode
            ? OpenAgain(ring, inode, flags, out file)
            : Open(task, ring, inode, flags, out file);
    }

    /// <summary>
    /// Opens a pipe through a magic link: it never waits and needs no partner (fs/pipe.c fifo_open, is_pipe).
    /// </summary>
    private static Errno OpenAgain(PipeRing ring, Inode inode, int flags, out FileDescription? file)
    {
        PipeAccess access = AccessOf(flags);
        file = null;
        if (access == PipeAccess.None)
        {
            return Errno.EINVAL;
        }

        ring.Attach(access, out _);
        file = new PipeDescription(ring, access, inode, flags, null);
        return Errno.None;
    }

    private static PipeAccess AccessOf(int flags) => (flags & Fcntl.O_ACCMODE) switch
    {
        Fcntl.O_RDONLY => PipeAccess.Read,
        Fcntl.O_WRONLY => PipeAccess.Write,
        Fcntl.O_RDWR => PipeAccess.ReadWrite,
        _ => PipeAccess.None,
    };

    /// <summary>
    /// Opens an end of the FIFO whose ring is kept with its inode. Reading waits for a writer unless O_NONBLOCK;
    /// writing waits for a reader, or is ENXIO
    /// with O_NONBLOCK; both at once never waits. A signal ends the wait with ERESTARTSYS.
    /// </summary>
    public static Errno Open(Task task, PipeRing ring, Inode inode, int flags, out FileDescription? file)
    {
        file = null;
        PipeAccess access = AccessOf(flags);
        bool isNonblocking = (flags & Fcntl.O_NONBLOCK) != 0;
        if (access == PipeAccess.None)
        {
            return Errno.EINVAL;
        }

        if (access == PipeAccess.Write && isNonblocking && ring.Readers == 0)
        {
            return Errno.ENXIO;
        }

        bool isAlone = ring.Attach(access, out uint seen);
        if (isAlone && !isNonblocking)
        {
            Errno error = WaitForPartner(task, ring, access, seen);
            if (error != Errno.None)
            {
                ring.Detach(access);
                return error;
            }
        }

        uint? writersSeen = isAlone && isNonblocking ? seen : null;
        file = new PipeDescription(ring, access, inode, flags, writersSeen);
        return Errno.None;
    }

    // The partner may open and close again before we run: the count of opens tells, not the number of ends.
    private static Errno WaitForPartner(Task task, PipeRing ring, PipeAccess access, uint seen)
    {
        TaskWaiter waiter = task.Waiter;
        waiter.Events = uint.MaxValue;
        ring.OpenQueue.Add(waiter);
        Errno error = Errno.None;
        while (error == Errno.None && ring.PartnerOpens(access) == seen)
        {
            error = task.Block();
        }

        ring.OpenQueue.Remove(waiter);
        return error;
    }
}
