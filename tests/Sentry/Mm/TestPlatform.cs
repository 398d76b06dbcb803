using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Platform;
using Sentry.Mm;

namespace Tests.Sentry.Mm;

/// <summary>A platform that only makes <see cref="TestAddressSpace"/>s.</summary>
internal sealed class TestPlatform : IPlatform
{
    public string Name => "test";

    public ulong MaxUserAddress => 0x7ffffffff000;

    public int FpStateBytes => 0;

    public Errno NewAddressSpace(out IAddressSpace? addressSpace)
    {
        addressSpace = new TestAddressSpace();
        return Errno.None;
    }

    public IContext NewContext() => throw new NotSupportedException();

    public void Dispose()
    {
    }
}

/// <summary>Translations as a table of pages, and loads and stores through it as a CPU would make them.</summary>
internal sealed class TestAddressSpace : IAddressSpace
{
    internal const ulong Page = GuestAddress.PageSize;

    /// <summary>Page address to what it shows.</summary>
    internal readonly Dictionary<ulong, (int Fd, ulong Offset, MemoryAccess Access)> Pages = [];

    /// <summary>Calls so far.</summary>
    internal int Maps { get; private set; }

    internal int Protects { get; private set; }

    internal bool IsDisposed { get; private set; }

    public Errno Map(ulong address, ulong lengthBytes, int hostFd, ulong fileOffset, MemoryAccess access, MapHint hint)
    {
        CheckRange(address, lengthBytes);
        lock (Pages)
        {
            Maps++;
            for (ulong at = 0; at < lengthBytes; at += Page)
            {
                Pages[address + at] = (hostFd, fileOffset + at, access);
            }
        }

        return Errno.None;
    }

    public Errno Unmap(ulong address, ulong lengthBytes)
    {
        CheckRange(address, lengthBytes);
        lock (Pages)
        {
            for (ulong at = 0; at < lengthBytes; at += Page)
            {
                Pages.Remove(address + at);
            }
        }

        return Errno.None;
    }

    public Errno Protect(ulong address, ulong lengthBytes, MemoryAccess access)
    {
        CheckRange(address, lengthBytes);
        lock (Pages)
        {
            Protects++;
            for (ulong at = 0; at < lengthBytes; at += Page)
            {
                if (Pages.TryGetValue(address + at, out (int Fd, ulong Offset, MemoryAccess Access) found))
                {
                    Pages[address + at] = (found.Fd, found.Offset, access);
                }
            }
        }

        return Errno.None;
    }

    /// <summary>What a page shows, if anything.</summary>
    internal bool TryFind(ulong address, out (int Fd, ulong Offset, MemoryAccess Access) page)
    {
        lock (Pages)
        {
            return Pages.TryGetValue(address & ~(Page - 1), out page);
        }
    }

    public void Dispose()
    {
        IsDisposed = true;
        lock (Pages)
        {
            Pages.Clear();
        }
    }

    private void CheckRange(ulong address, ulong lengthBytes)
    {
        bool good = !IsDisposed && lengthBytes > 0 && address % Page == 0 && lengthBytes % Page == 0
            && lengthBytes < 1ul << 40 && address + lengthBytes <= 0x7ffffffff000;
        if (!good)
        {
            throw new InvalidOperationException("bad call of the platform");
        }
    }
}

/// <summary>Limits that a test sets.</summary>
internal sealed class TestLimits : IMemoryLimits
{
    public bool IsEnding { get; set; }

    internal readonly Dictionary<int, ulong> Soft = [];

    public ulong SoftLimit(int resource) => Soft.GetValueOrDefault(resource, ulong.MaxValue);
}

/// <summary>A guest program's view: loads and stores that fault into the memory manager.</summary>
internal sealed class TestGuest(MemoryManager mm, MemoryFile file)
{
    private const ulong Page = GuestAddress.PageSize;

    internal MemoryManager Mm => mm;

    internal TestAddressSpace Space => (TestAddressSpace)mm.AddressSpace;

    internal int Faults { get; private set; }

    /// <summary>A load; the signal it raises, or 0.</summary>
    internal int Load(ulong address, out byte value)
    {
        value = 0;
        int signal = Touch(address, MemoryAccess.Read, out int fd, out ulong offset);
        if (signal != 0)
        {
            return signal;
        }

        byte[] one = new byte[1];
        if (fd == file.HostFd)
        {
            file.Read(offset, one);
        }
        else
        {
            HostUnistd.Pread(fd, one, (long)offset, out int _);
        }

        value = one[0];
        return 0;
    }

    /// <summary>A store; the signal it raises, or 0.</summary>
    internal int Store(ulong address, byte value)
    {
        int signal = Touch(address, MemoryAccess.Write, out int fd, out ulong offset);
        if (signal == 0 && fd == file.HostFd)
        {
            file.Write(offset, [value]);
        }
        else if (signal == 0)
        {
            HostUnistd.Pwrite(fd, [value], (long)offset, out int _);
        }

        return signal;
    }

    private int Touch(ulong address, MemoryAccess access, out int fd, out ulong offset)
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            bool found = Space.TryFind(address, out (int Fd, ulong Offset, MemoryAccess Access) page);
            if (found && (page.Access & access) != 0)
            {
                fd = page.Fd;
                offset = page.Offset + (address & (Page - 1));
                return 0;
            }

            Faults++;
            Errno error = mm.HandleFault(new GuestAddress(address), access, default, out int signal, out _);
            if (error != Errno.None)
            {
                fd = -1;
                offset = 0;
                return signal;
            }
        }

        throw new InvalidOperationException("the fault does not go away");
    }
}
