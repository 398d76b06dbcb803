using System;
using System.Buffers.Binary;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>
/// A POSIX access control list (acl(5)) in the kernel's form: entries sorted as the xattr holds them, ids as kuids and
/// kgids.
/// </summary>
public sealed class AccessControlList
{
    private const int HeaderBytes = 4;
    private const int EntryBytes = 8;
    private const uint Version = 2;
    private const ushort UserObject = 0x01;
    private const ushort User = 0x02;
    private const ushort GroupObject = 0x04;
    private const ushort Group = 0x08;
    private const ushort Mask = 0x10;
    private const ushort Other = 0x20;
    private const uint NoId = uint.MaxValue;

    private readonly Entry[] _entries;

    private AccessControlList(Entry[] entries) => _entries = entries;

    /// <summary>One entry: what it is about, what it allows (rwx), whom it names.</summary>
    private readonly record struct Entry(ushort Tag, ushort Permissions, uint Id);

    /// <summary>
    /// Reads and checks the xattr form (linux/posix_acl_xattr.h). EINVAL, EOPNOTSUPP for another version. An empty list
    /// gives null.
    /// </summary>
    public static Errno Parse(ReadOnlySpan<byte> bytes, out AccessControlList? list)
    {
        list = null;
        if (bytes.Length < HeaderBytes || (bytes.Length - HeaderBytes) % EntryBytes != 0)
        {
            return Errno.EINVAL;
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Version)
        {
            return Errno.EOPNOTSUPP;
        }

        Entry[] entries = new Entry[(bytes.Length - HeaderBytes) / EntryBytes];
        for (int index = 0; index < entries.Length; index++)
        {
            ReadOnlySpan<byte> at = bytes[(HeaderBytes + (index * EntryBytes))..];
            entries[index] = new Entry(
                BinaryPrimitives.ReadUInt16LittleEndian(at),
                BinaryPrimitives.ReadUInt16LittleEndian(at[2..]),
                BinaryPrimitives.ReadUInt32LittleEndian(at[4..]));
        }

        if (entries.Length == 0)
        {
            return Errno.None;
        }

        list = new AccessControlList(entries);
        return list.IsValid() ? Errno.None : Errno.EINVAL;
    }

    /// <summary>The xattr form.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[HeaderBytes + (_entries.Length * EntryBytes)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Version);
        for (int index = 0; index < _entries.Length; index++)
        {
            Span<byte> at = bytes.AsSpan(HeaderBytes + (index * EntryBytes));
            BinaryPrimitives.WriteUInt16LittleEndian(at, _entries[index].Tag);
            BinaryPrimitives.WriteUInt16LittleEndian(at[2..], _entries[index].Permissions);
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], _entries[index].Id);
        }

        return bytes;
    }

    /// <summary>True when the list says no more than mode bits do; <paramref name="mode"/> gets those bits.</summary>
    public bool EqualsMode(ref uint mode)
    {
        uint bits = 0;
        bool minimal = true;
        ushort? mask = null;
        foreach (Entry entry in _entries)
        {
            switch (entry.Tag)
            {
                case UserObject:
                    bits |= (uint)entry.Permissions << 6;
                    break;
                case GroupObject:
                    bits |= (uint)entry.Permissions << 3;
                    break;
                case Other:
                    bits |= entry.Permissions;
                    break;
                case Mask:
                    mask = entry.Permissions;
                    minimal = false;
                    break;
                default:
                    minimal = false;
                    break;
            }
        }

        if (mask is { } group)
        {
            bits = (bits & ~StatMode.S_IRWXG) | ((uint)group << 3);
        }

        mode = (mode & ~0x1FFu) | bits;
        return minimal;
    }

    /// <summary>The list after chmod(2): owner, mask (or group) and other entries follow the mode.</summary>
    public AccessControlList WithMode(uint mode)
    {
        Entry[] changed = (Entry[])_entries.Clone();
        bool hasMask = Array.Exists(changed, static entry => entry.Tag == Mask);
        for (int index = 0; index < changed.Length; index++)
        {
            Entry entry = changed[index];
            uint permissions = entry.Tag switch
            {
                UserObject => mode >> 6,
                GroupObject when !hasMask => mode >> 3,
                Mask => mode >> 3,
                Other => mode,
                _ => entry.Permissions,
            };
            changed[index] = entry with { Permissions = (ushort)(permissions & 7) };
        }

        return new AccessControlList(changed);
    }

    /// <summary>
    /// What a new file gets from this default list (posix_acl_create_masq): <paramref name="mode"/> is narrowed by the
    /// list, the result by the mode.
    /// Null when mode bits say it all.
    /// </summary>
    public AccessControlList? ForNewFile(ref uint mode)
    {
        bool hasMask = Array.Exists(_entries, static entry => entry.Tag == Mask);
        Entry[] made = (Entry[])_entries.Clone();
        uint bits = mode & 0x1FF;
        for (int index = 0; index < made.Length; index++)
        {
            Entry entry = made[index];
            int shift = entry.Tag switch
            {
                UserObject => 6,
                GroupObject => hasMask ? -1 : 3,
                Mask => 3,
                Other => 0,
                _ => -1,
            };
            if (shift < 0)
            {
                continue;
            }

            uint kept = entry.Permissions & (bits >> shift) & 7;
            made[index] = entry with { Permissions = (ushort)kept };
            bits = (bits & ~(7u << shift)) | (kept << shift);
        }

        mode = (mode & ~0x1FFu) | bits;
        uint ignored = 0;
        AccessControlList list = new(made);
        return list.EqualsMode(ref ignored) ? null : list;
    }

    /// <summary>
    /// posix_acl_permission: does the list allow <paramref name="wanted"/> to someone who is not the owner?
    /// </summary>
    internal bool Allows(Credentials credentials, in InodeOwner owner, uint wanted)
    {
        uint mask = 7;
        foreach (Entry entry in _entries)
        {
            if (entry.Tag == Mask)
            {
                mask = entry.Permissions;
            }
        }

        bool inGroup = false;
        foreach (Entry entry in _entries)
        {
            bool allows = (entry.Permissions & wanted) == wanted;
            switch (entry.Tag)
            {
                case User when entry.Id == credentials.FsUid:
                    return allows && (mask & wanted) == wanted;
                case GroupObject or Group when credentials.IsInGroup(entry.Tag == Group ? entry.Id : owner.Gid):
                    inGroup = true;
                    if (allows)
                    {
                        return (mask & wanted) == wanted;
                    }

                    break;
                case Other:
                    return !inGroup && allows;
            }
        }

        return false;
    }

    /// <summary>Order and number of entries as acl_valid(3) demands (posix_acl_valid).</summary>
    private bool IsValid()
    {
        int[] seen = new int[6];
        int lastRank = -1;
        bool named = false;
        foreach (Entry entry in _entries)
        {
            int rank = entry.Tag switch
            {
                UserObject => 0,
                User => 1,
                GroupObject => 2,
                Group => 3,
                Mask => 4,
                Other => 5,
                _ => -1,
            };
            bool isNamed = rank is 1 or 3;
            if (rank < 0 || rank < lastRank || (entry.Permissions & ~7) != 0 || (isNamed && entry.Id == NoId))
            {
                return false;
            }

            named |= isNamed;
            lastRank = rank;
            seen[rank]++;
        }

        return seen[0] == 1 && seen[2] == 1 && seen[5] == 1 && seen[4] <= 1 && (!named || seen[4] == 1);
    }
}
