using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using global::Platform;
using HostOs;

namespace Tests.Platform.Fake;

/// <summary>Translations as a table of pages; accesses go through the host descriptors by pread and pwrite.</summary>
public sealed class FakeAddressSpace : IAddressSpace
{
    private const ulong PageBytes = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, FakePage> _pages = [];
    private readonly List<HostFd> _files = [];
    private readonly ulong _limit;

    public FakeAddressSpace(ulong limit)
    {
        _limit = limit;
    }

    /// <summary>What one page translates to.</summary>
    private readonly record struct FakePage(int Fd, ulong Offset, MemoryAccess Access);

    public Errno Map(
        ulong address, ulong lengthBytes, int hostFd, ulong fileOffset, MemoryAccess access, MapHint hint)
    {
        if (!IsValid(address, lengthBytes) || fileOffset % PageBytes != 0)
        {
            return Errno.EINVAL;
        }
        Errno error = HostFcntl.Duplicate(hostFd, out int fd);
        if (error != Errno.None)
        {
            return error;
        }
        lock (_gate)
        {
            _files.Add(new HostFd(fd));
            for (ulong at = 0; at < lengthBytes; at += PageBytes)
            {
                _pages[address + at] = new FakePage(fd, fileOffset + at, access);
            }
        }
        return Errno.None;
    }

    public Errno Unmap(ulong address, ulong lengthBytes) =>
        Change(address, lengthBytes, page => _pages.Remove(page));

    public Errno Protect(ulong address, ulong lengthBytes, MemoryAccess access) =>
        Change(address, lengthBytes, page => _pages[page] = _pages[page] with { Access = access });

    public void Dispose()
    {
        lock (_gate)
        {
            _pages.Clear();
            _files.ForEach(file => file.Dispose());
            _files.Clear();
        }
    }

    /// <summary>
    /// Reads or writes as the guest would, page by page; false with the page fault at the first byte that cannot be
    /// accessed.
    /// </summary>
    public bool TryAccess(ulong address, Span<byte> data, MemoryAccess access, out FaultInfo fault)
    {
        fault = default;
        lock (_gate)
        {
            while (!data.IsEmpty)
            {
                ulong page = address & ~(PageBytes - 1);
                bool mapped = _pages.TryGetValue(page, out FakePage target);
                if (!mapped || (target.Access & access) != access)
                {
                    fault = PageFault(address, access, mapped);
                    return false;
                }
                int count = (int)Math.Min((ulong)data.Length, page + PageBytes - address);
                if (!Move(target, address - page, data[..count], access))
                {
                    fault = new FaultInfo { Signal = Signals.SIGBUS, Code = 2, Address = address };
                    return false;
                }
                data = data[count..];
                address += (ulong)count;
            }
        }
        return true;
    }

    private static FaultInfo PageFault(ulong address, MemoryAccess access, bool mapped) => new()
    {
        Signal = Signals.SIGSEGV, Code = mapped ? 2 : 1, Address = address, Access = access, IsPageFault = true,
        TrapNumber = 14,
    };

    private static bool Move(FakePage page, ulong offset, Span<byte> data, MemoryAccess access)
    {
        long at = (long)(page.Offset + offset);
        Errno error = access == MemoryAccess.Write
            ? HostUnistd.Pwrite(page.Fd, data, at, out int done)
            : HostUnistd.Pread(page.Fd, data, at, out done);
        return error == Errno.None && done == data.Length;
    }

    private bool IsValid(ulong address, ulong lengthBytes) =>
        (address | lengthBytes) % PageBytes == 0 && lengthBytes != 0 && lengthBytes <= _limit &&
        address <= _limit - lengthBytes;

    private Errno Change(ulong address, ulong lengthBytes, Action<ulong> change)
    {
        if (!IsValid(address, lengthBytes))
        {
            return Errno.EINVAL;
        }
        lock (_gate)
        {
            var affected = new List<ulong>();
            foreach (ulong page in _pages.Keys)
            {
                if (page >= address && page - address < lengthBytes)
                {
                    affected.Add(page);
                }
            }
            affected.ForEach(change);
        }
        return Errno.None;
    }
}
