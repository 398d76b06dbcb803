using System;
using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Dev;

/// <summary>
/// /dev/random and /dev/urandom (random(4)): the host's random bytes; what is written is not needed for more of them.
/// </summary>
internal sealed class RandomDescription(Inode inode, VfsPath path) : DeviceDescription(inode, path)
{
    private const int ChunkBytes = 256;
    private const int EntropyBits = 256;

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done)
    {
        Span<byte> chunk = stackalloc byte[ChunkBytes];
        done = 0;
        while (destination.Remaining > 0 && !(done > 0 && task.HasPendingInterrupt))
        {
            Span<byte> part = chunk[..(int)Math.Min(ChunkBytes, destination.Remaining)];
            Errno errno = HostPrctl.GetRandom(part);
            int count = 0;
            errno = errno != Errno.None ? errno : destination.CopyOut(part, out count);
            done += count;
            if (errno != Errno.None)
            {
                return done > 0 ? Errno.None : errno;
            }
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        return command == Grnd.RNDGETENTCNT ? task.Mm.Write(new GuestAddress(argument), EntropyBits) : Errno.EINVAL;
    }
}
