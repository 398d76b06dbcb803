using System.Runtime.InteropServices;

namespace Lisafs;

/// <summary>Head of every message, 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MessageHeader
{
    /// <summary>Bytes of the message with this header; equals what the socket delivered.</summary>
    public uint LengthBytes;

    /// <summary><see cref="Protocol.Version"/>.</summary>
    public ushort Version;

    /// <summary><see cref="Operation"/>; an answer repeats the request's.</summary>
    public ushort Operation;

    /// <summary>Errno of an answer, 0 in requests.</summary>
    public int Error;

    /// <summary>Descriptors that come with the message.</summary>
    public uint DescriptorCount;
}

/// <summary>Attributes of a file, as statx(2) gives them; times in ns since the epoch. 104 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct WireAttributes
{
    public uint Mode;
    public uint Uid;
    public uint Gid;
    public uint LinkCount;
    public ulong Inode;
    public ulong Device;
    public ulong SpecialDevice;
    public long SizeBytes;
    public long Blocks;
    public uint BlockSizeBytes;
    private uint _pad0;
    public long AccessTimeNs;
    public long ModifyTimeNs;
    public long ChangeTimeNs;
    public long BirthTimeNs;
}

/// <summary>
/// Which fields of <see cref="WireAttributeChange"/> count; the same bits as the Sentry's AttributeMask.
/// </summary>
[System.Flags]
public enum WireAttributeMask : uint
{
    None = 0,
    Mode = 1,
    Uid = 2,
    Gid = 4,
    Size = 8,
    AccessTime = 16,
    ModifyTime = 32,
    All = 63,
}

/// <summary>A change of attributes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct WireAttributeChange
{
    public WireAttributeMask Mask;
    public uint Mode;
    public uint Uid;
    public uint Gid;
    public long SizeBytes;
    public long AccessTimeNs;
    public long ModifyTimeNs;
}

/// <summary>statfs(2) figures.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct WireStatistics
{
    public long Magic;
    public long BlockSizeBytes;
    public ulong Blocks;
    public ulong FreeBlocks;
    public ulong AvailableBlocks;
    public ulong Files;
    public ulong FreeFiles;
    public long NameLengthMax;
}
