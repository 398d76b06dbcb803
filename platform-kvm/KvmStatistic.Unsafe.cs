using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Abi.Linux;
using HostOs;
using K = Abi.Linux.Kvm;

namespace Platform.Kvm;

/// <summary>
/// Something that KVM counts of one vCPU, read from the file that its descriptor gives (KVM API documentation, 4.133,
/// KVM_GET_STATS_FD, since Linux 5.14): that needs no privilege but the descriptor.
/// </summary>
internal sealed class KvmStatistic : IDisposable
{
    /// <summary>Descriptions that lie further on are not looked at; those of a vCPU take a tenth of that.</summary>
    private const int MaxHeadBytes = 32 * 1024;

    private readonly HostFd _file;
    private readonly long _offset;

    private KvmStatistic(HostFd file, long offset)
    {
        _file = file;
        _offset = offset;
    }

    /// <summary>Null where the host has no such file or does not count that.</summary>
    public static KvmStatistic? Open(int vcpu, ReadOnlySpan<byte> name)
    {
        if (HostIoctl.Ioctl(vcpu, K.KVM_GET_STATS_FD, 0, out int opened) != Errno.None)
        {
            return null;
        }
        var file = new HostFd(opened);
        byte[] head = new byte[MaxHeadBytes];
        if (HostUnistd.Pread(opened, head, 0, out int done) == Errno.None &&
            TryFind(head.AsSpan(0, done), name, out long offset))
        {
            return new KvmStatistic(file, offset);
        }
        file.Dispose();
        return null;
    }

    /// <summary>What has been counted until now.</summary>
    public bool TryRead(out long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        bool read = HostUnistd.Pread(_file.Value, bytes, _offset, out int done) == Errno.None && done == bytes.Length;
        value = read ? BitConverter.ToInt64(bytes) : 0;
        return read;
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Where in the file the first value of a statistic is, from the beginning of the file.</summary>
    internal static bool TryFind(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name, out long offset)
    {
        offset = 0;
        // SAFETY: both reads are of structures without references, from spans that are checked to be long enough.
        if (!MemoryMarshal.TryRead(head, out KvmStatsHeader header) || header.name_size <= name.Length)
        {
            return false;
        }
        long stride = (long)Unsafe.SizeOf<KvmStatsDesc>() + header.name_size;
        for (long i = 0, at = header.desc_offset; i < header.num_desc && at + stride <= head.Length; i++, at += stride)
        {
            ReadOnlySpan<byte> entry = head.Slice((int)at, (int)stride);
            KvmStatsDesc description = MemoryMarshal.Read<KvmStatsDesc>(entry);
            ReadOnlySpan<byte> itsName = entry[Unsafe.SizeOf<KvmStatsDesc>()..];
            if (itsName.StartsWith(name) && itsName[name.Length] == 0 && description.size > 0)
            {
                offset = (long)header.data_offset + description.offset;
                return true;
            }
        }
        return false;
    }
}
