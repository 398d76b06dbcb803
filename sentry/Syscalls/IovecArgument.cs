using System;
using System.Buffers.Binary;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>Buffers of read(2), write(2) and their vector forms.</summary>
internal static class IovecArgument
{
    /// <summary>Ranges that fit a caller's stack buffer; longer vectors are allocated.</summary>
    internal const int Inline = Uio.UIO_FASTIOV;

    /// <summary>Most bytes one call moves (MAX_RW_COUNT).</summary>
    internal const ulong MaxBytes = 0x7FFFF000;

    private const int IovecBytes = 16;

    /// <summary>Bits of a length that fits user space.</summary>
    private const int UserBits = 47;

    /// <summary>One buffer; EFAULT when it wraps or exceeds all of user space (access_ok).</summary>
    internal static Errno Read(GuestAddress address, ulong lengthBytes, out GuestRange range)
    {
        bool fits = GuestRange.TryCreate(address, Math.Min(lengthBytes, MaxBytes), out range);
        return fits && lengthBytes >> UserBits == 0 ? Errno.None : Errno.EFAULT;
    }

    /// <summary>
    /// A vector: EINVAL for more than 1024 entries, a negative length, or a sum above SSIZE_MAX; EFAULT. What exceeds
    /// <see cref="MaxBytes"/> is cut off.
    /// </summary>
    internal static Errno Read(
        Task task,
        GuestAddress address,
        ulong count,
        Span<GuestRange> buffer,
        out Span<GuestRange> ranges)
    {
        ranges = default;
        if (count > Uio.UIO_MAXIOV)
        {
            return Errno.EINVAL;
        }

        Span<GuestRange> all = count <= (ulong)buffer.Length ? buffer[..(int)count] : new GuestRange[count];
        Span<byte> bytes = count <= Inline ? stackalloc byte[Inline * IovecBytes] : new byte[(int)count * IovecBytes];
        bytes = bytes[..((int)count * IovecBytes)];
        Errno errno = task.Mm.CopyIn(address, bytes);
        if (errno != Errno.None)
        {
            return errno;
        }

        ulong total = 0;
        for (int index = 0; index < all.Length; index++)
        {
            ReadOnlySpan<byte> entry = bytes.Slice(index * IovecBytes, IovecBytes);
            GuestAddress start = new(BinaryPrimitives.ReadUInt64LittleEndian(entry));
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]);
            if (length > long.MaxValue)
            {
                return Errno.EINVAL;
            }

            length = Math.Min(length, MaxBytes - total);
            total += length;
            if (!GuestRange.TryCreate(start, length, out all[index]))
            {
                return Errno.EFAULT;
            }
        }

        ranges = all;
        return Errno.None;
    }
}
