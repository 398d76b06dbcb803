using System;
using System.IO;
using Abi.Linux;
using HostOs;
using Xunit;

namespace Tests.Platform;

/// <summary>Where the memory of a test's guest is.</summary>
public enum GuestBacking
{
    /// <summary>A memfd.</summary>
    Memory,

    /// <summary>A file with a name.</summary>
    File,
}

/// <summary>
/// Memory that a test and its guests share: one memfd, mapped here as a whole and in guests page by page.
/// </summary>
internal sealed class GuestMemory : IDisposable
{
    public const int PageBytes = 4096;

    private readonly HostFd _fd;
    private readonly nint _address;
    private readonly int _bytes;

    private readonly string? _path;

    public GuestMemory(int pages, GuestBacking backing = GuestBacking.Memory)
    {
        const int Flags = HostFcntl.ReadWrite | HostFcntl.Create | HostFcntl.Exclusive | HostFcntl.CloseOnExec;
        const int OwnersOnly = 0x180;
        _bytes = pages * PageBytes;
        int fd;
        if (backing == GuestBacking.File)
        {
            _path = Path.Combine(Path.GetTempPath(), "guest-" + Guid.NewGuid().ToString("N"));
            Assert.Equal(Errno.None, HostFcntl.OpenAt(HostFcntl.AtFdCwd, _path, Flags, OwnersOnly, out fd));
        }
        else
        {
            Assert.Equal(Errno.None, HostMman.MemfdCreate("guest", HostMman.MfdCloexec, out fd));
        }

        _fd = new HostFd(fd);
        Assert.Equal(Errno.None, HostUnistd.Ftruncate(fd, _bytes));
        int access = HostMman.ProtRead | HostMman.ProtWrite;
        Errno error = HostMman.Map(0, (nuint)_bytes, access, HostMman.MapShared, fd, 0, out _address);
        Assert.Equal(Errno.None, error);
    }

    public int Fd => _fd.Value;

    public void Write(int page, ReadOnlySpan<byte> data, int offset = 0) =>
        Assert.Equal((nuint)0, SafeCopy.CopyOut(AddressOf(page, offset, data.Length), data));

    public byte[] Read(int page, int count, int offset = 0)
    {
        byte[] data = new byte[count];
        Assert.Equal((nuint)0, SafeCopy.CopyIn(data, AddressOf(page, offset, count)));
        return data;
    }

    public void WriteWord(int page, ulong value, int offset = 0) =>
        Write(page, BitConverter.GetBytes(value), offset);

    public ulong ReadWord(int page, int offset = 0) => BitConverter.ToUInt64(Read(page, sizeof(ulong), offset));

    public void Dispose()
    {
        HostMman.Unmap(_address, (nuint)_bytes);
        _fd.Dispose();
        if (_path is not null)
        {
            File.Delete(_path);
        }
    }

    private nint AddressOf(int page, int offset, int count)
    {
        int start = (page * PageBytes) + offset;
        Assert.InRange(start + count, 0, _bytes);
        return _address + start;
    }
}
