using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;
using static Abi.Linux.StatMode;

namespace Sentry.Fs.Proc;

/// <summary>/proc/PID/mem: the task's memory at its addresses.</summary>
internal sealed class ProcMemoryInode(ProcTaskContext context, SyntheticIdentity identity)
    : SyntheticInode(context.Proc, identity)
{
    /// <inheritdoc/>
    public override uint FileType => S_IFREG;

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = null;
        if (context.Task is not { } target)
        {
            return Errno.ESRCH;
        }

        Errno errno = ProcAccess.MayInspect(task, target);
        if (errno == Errno.None)
        {
            file = new Description(this, target.AcquireMm(), path, flags);
        }

        return errno;
    }

    /// <summary>Holds the memory as it was at open, also past an execve.</summary>
    private sealed class Description : FileDescription
    {
        private const int ChunkBytes = 4096;

        private readonly Inode _inode;
        private readonly MemoryManager? _mm;

        internal Description(Inode inode, MemoryManager? mm, VfsPath path, int flags)
        {
            _inode = inode;
            _mm = mm;
            Path = path;
            Flags = flags;
        }

        public override Inode Inode => _inode;

        public override bool IsSeekable => true;

        public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done)
        {
            done = 0;
            byte[] chunk = new byte[ChunkBytes];
            Errno errno = Errno.None;
            while (_mm is not null && destination.Remaining > 0 && errno == Errno.None)
            {
                int wanted = (int)Math.Min(destination.Remaining, ChunkBytes - ((offset + done) & (ChunkBytes - 1)));
                GuestAddress address = new((ulong)(offset + done));
                errno = _mm.CopyInForced(address, chunk.AsSpan(0, wanted), out int read);
                errno = read > 0 ? Errno.None : Errno.EIO;
                if (errno == Errno.None)
                {
                    errno = destination.CopyOut(chunk.AsSpan(0, read), out int copied);
                    done += copied;
                }
            }

            return done > 0 ? Errno.None : errno;
        }

        public override Errno PWrite(Task task, ref IoSequence source, long offset, out long done, out long newOffset)
        {
            done = 0;
            byte[] chunk = new byte[ChunkBytes];
            Errno errno = Errno.None;
            while (_mm is not null && source.Remaining > 0 && errno == Errno.None)
            {
                errno = source.CopyIn(chunk, out int read);
                int written = 0;
                if (errno == Errno.None)
                {
                    errno = _mm.CopyOutForced(new GuestAddress((ulong)(offset + done)), chunk.AsSpan(0, read),
                        out written);
                    errno = errno == Errno.None ? Errno.None : Errno.EIO;
                }

                done += written;
            }

            newOffset = offset + done;
            return done > 0 ? Errno.None : errno;
        }

        public override Errno Seek(Task task, long offset, int whence, out long result)
        {
            const int SeekSet = 0;
            const int SeekCurrent = 1;
            result = whence == SeekCurrent ? unchecked(Position + offset) : offset;
            if (whence is not (SeekSet or SeekCurrent))
            {
                return Errno.EINVAL;
            }

            Position = result;
            return Errno.None;
        }

        protected override void Release() => _mm?.DropUser();
    }
}
