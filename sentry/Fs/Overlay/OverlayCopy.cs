using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>Copies between real files.</summary>
internal static class OverlayCopy
{
    /// <summary>Sets owner, mode and times of a copy; last, since the other steps touch them.</summary>
    internal static Errno Attributes(Task task, in InodeAttributes attributes, Inode copy)
    {
        AttributeChange change = new()
        {
            Mask = AttributeMask.Uid | AttributeMask.Gid | AttributeMask.AccessTime | AttributeMask.ModifyTime,
            Uid = attributes.Uid,
            Gid = attributes.Gid,
            AccessTimeNs = attributes.AccessTimeNs,
            ModifyTimeNs = attributes.ModifyTimeNs,
        };
        if (copy.FileType != StatMode.S_IFLNK)
        {
            change.Mask |= AttributeMask.Mode;
            change.Mode = attributes.Mode & ~StatMode.S_IFMT;
        }

        return copy.SetAttributes(task, change);
    }

    /// <summary>Copies extended attributes, except the overlay's own.</summary>
    internal static Errno Xattrs(Task task, Inode source, Inode copy)
    {
        List<string> names = [];
        Errno error = source.ListXattr(task, names);
        if (error != Errno.None)
        {
            return error == Errno.EOPNOTSUPP ? Errno.None : error;
        }

        foreach (string name in names)
        {
            if (!OverlayXattr.TryFromReal(name, out _))
            {
                continue;
            }

            error = source.GetXattr(task, name, out byte[] value);
            if (error == Errno.None)
            {
                error = copy.SetXattr(task, name, value, 0);
            }

            if (error is not (Errno.None or Errno.ENODATA or Errno.EOPNOTSUPP))
            {
                return error;
            }
        }

        return Errno.None;
    }

    /// <summary>
    /// Copies the first <paramref name="sizeBytes"/> bytes; holes stay holes where the source knows them.
    /// </summary>
    internal static Errno Data(Task task, FileDescription source, FileDescription target, long sizeBytes, byte[] buffer)
    {
        long position = 0;
        while (position < sizeBytes)
        {
            Errno error = source.Locate(position, Fcntl.SEEK_DATA, out long start);
            if (error == Errno.ENXIO)
            {
                return Errno.None;
            }

            position = error == Errno.None ? start : position;
            error = source.Locate(position, Fcntl.SEEK_HOLE, out long end);
            end = error == Errno.None ? long.Min(end, sizeBytes) : sizeBytes;
            error = Extent(task, source, target, ref position, end, buffer);
            if (error != Errno.None)
            {
                return error;
            }

            if (position < end)
            {
                // The source ended early: it was cut behind our back.
                return Errno.None;
            }
        }

        return Errno.None;
    }

    private static Errno Extent(
        Task task, FileDescription source, FileDescription target, ref long position, long end, byte[] buffer)
    {
        while (position < end)
        {
            int wanted = (int)long.Min(buffer.Length, end - position);
            IoSequence into = IoSequence.FromBuffer(buffer.AsSpan(0, wanted));
            Errno error = source.PRead(task, ref into, position, out long got);
            if (error != Errno.None || got == 0)
            {
                return error;
            }

            IoSequence from = IoSequence.FromBuffer(buffer.AsSpan(0, (int)got));
            error = target.PWrite(task, ref from, position, out long done, out _);
            position += done;
            if (error != Errno.None || done != got)
            {
                return error == Errno.None ? Errno.ENOSPC : error;
            }
        }

        return Errno.None;
    }
}
