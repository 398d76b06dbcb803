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

    /// <summary>One buffer; EFAULT when it is not all within user space.</summary>
    internal static Errno Read(GuestAddress address, ulong lengthBytes, out GuestRange range)
    {
        range = default;
        return IsUser(address, lengthBytes) && GuestRange.TryCreate(address, Math.Min(lengthBytes, MaxBytes), out range)
            ? Errno.None : Errno.EFAULT;
    }

    /// <summary>True for a range within user space (access_ok).</summary>
    private static bool IsUser(GuestAddress start, ulong lengthBytes) =>
        start.Value <= GuestAddress.UserEnd && lengthBytes <= GuestAddress.UserEnd - start.Value;

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

        errno = Convert(bytes, all);
        ranges = errno == Errno.None ? all : default;
        return errno;
    }

    /// <summary>A single entry is cut off before it is checked, several are checked first (lib/iov_iter.c,
    /// __import_iovec).</summary>
    private static Errno Convert(ReadOnlySpan<byte> bytes, Span<GuestRange> all)
    {
        ulong total = 0;
        Errno errno = Errno.None;
        for (int index = 0; index < all.Length; index++)
        {
            ReadOnlySpan<byte> entry = bytes.Slice(index * IovecBytes, IovecBytes);
            GuestAddress start = new(BinaryPrimitives.ReadUInt64LittleEndian(entry));
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]);
            if (length > long.MaxValue)
            {
                return Errno.EINVAL;
            }

            ulong kept = Math.Min(length, MaxBytes - total);
            total += kept;
            bool isUser = IsUser(start, all.Length == 1 ? kept : length);
            if (!isUser || !GuestRange.TryCreate(start, kept, out all[index]))
            {
                // A negative length further on is the worse mistake.
                errno = Errno.EFAULT;
            }
        }

        return errno;
    }
}
