using System;
using System.Buffers.Binary;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>
/// Ids inside attribute values, between the caller's user namespace and kuids: access lists
/// (posix_acl_fix_xattr_userns) and the root id of file
/// capabilities (cap_convert_nscap).
/// </summary>
internal static class XattrIds
{
    private const int AclHeaderBytes = 4;
    private const int AclEntryBytes = 8;
    private const ushort AclUser = 0x02;
    private const ushort AclGroup = 0x08;
    private const int RootIdOffset = Capability.XATTR_CAPS_SZ_2;

    /// <summary>A value the caller gave. EINVAL for ids its namespace does not map.</summary>
    internal static Errno ToKernel(Task task, string name, ref byte[] value)
    {
        UserNamespace space = task.Credentials.UserNamespace;
        if (IsAccessList(name))
        {
            return MapAccessList(value, space.ToKernelUid, space.ToKernelGid, UserNamespace.InvalidId);
        }

        return name == Xattr.XATTR_NAME_CAPS ? CapabilitiesToKernel(task, space, ref value) : Errno.None;
    }

    /// <summary>A value for the caller; ids it has no names for become the overflow id.</summary>
    internal static Errno ToGuest(Task task, string name, ref byte[] value)
    {
        UserNamespace space = task.Credentials.UserNamespace;
        if (IsAccessList(name))
        {
            return space.Parent is null
                ? Errno.None
                : MapAccessList(value, space.FromKernelUidOrOverflow, space.FromKernelGidOrOverflow, null);
        }

        return name == Xattr.XATTR_NAME_CAPS ? CapabilitiesToGuest(space, ref value) : Errno.None;
    }

    private static bool IsAccessList(string name) =>
        name is Xattr.XATTR_NAME_POSIX_ACL_ACCESS or Xattr.XATTR_NAME_POSIX_ACL_DEFAULT;

    private static Errno MapAccessList(byte[] value, Func<uint, uint> user, Func<uint, uint> group, uint? invalid)
    {
        for (int at = AclHeaderBytes; at + AclEntryBytes <= value.Length; at += AclEntryBytes)
        {
            ushort tag = BinaryPrimitives.ReadUInt16LittleEndian(value.AsSpan(at));
            if (tag is not (AclUser or AclGroup))
            {
                continue;
            }

            Span<byte> field = value.AsSpan(at + 4);
            uint id = BinaryPrimitives.ReadUInt32LittleEndian(field);
            uint mapped = tag == AclUser ? user(id) : group(id);
            if (mapped == invalid)
            {
                return Errno.EINVAL;
            }

            BinaryPrimitives.WriteUInt32LittleEndian(field, mapped);
        }

        return Errno.None;
    }

    /// <summary>Version 2 set inside a user namespace becomes version 3 with that namespace's root.</summary>
    private static Errno CapabilitiesToKernel(Task task, UserNamespace space, ref byte[] value)
    {
        bool isVersion2 = value.Length == Capability.XATTR_CAPS_SZ_2;
        if (!isVersion2 && value.Length != Capability.XATTR_CAPS_SZ_3)
        {
            return Errno.EINVAL;
        }

        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(value);
        int revision = (int)(magic & Capability.VFS_CAP_REVISION_MASK);
        if (revision != (isVersion2 ? Capability.VFS_CAP_REVISION_2 : Capability.VFS_CAP_REVISION_3))
        {
            return Errno.EINVAL;
        }

        if (isVersion2 && task.Credentials.IsCapable(Capability.CAP_SETFCAP))
        {
            return Errno.None;
        }

        uint rootId = isVersion2 ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(value.AsSpan(RootIdOffset));
        uint kernelRoot = space.ToKernelUid(rootId);
        if (kernelRoot == UserNamespace.InvalidId)
        {
            return Errno.EPERM;
        }

        byte[] converted = new byte[Capability.XATTR_CAPS_SZ_3];
        value.AsSpan(0, Capability.XATTR_CAPS_SZ_2).CopyTo(converted);
        uint flags = magic & ~Capability.VFS_CAP_REVISION_MASK;
        BinaryPrimitives.WriteUInt32LittleEndian(converted, flags | (uint)Capability.VFS_CAP_REVISION_3);
        BinaryPrimitives.WriteUInt32LittleEndian(converted.AsSpan(RootIdOffset), kernelRoot);
        value = converted;
        return Errno.None;
    }

    /// <summary>Version 3 for the reader's own root is shown as version 2 (cap_inode_getsecurity).</summary>
    private static Errno CapabilitiesToGuest(UserNamespace space, ref byte[] value)
    {
        if (value.Length != Capability.XATTR_CAPS_SZ_3)
        {
            return Errno.None;
        }

        uint kernelRoot = BinaryPrimitives.ReadUInt32LittleEndian(value.AsSpan(RootIdOffset));
        uint rootId = space.FromKernelUid(kernelRoot);
        if (rootId == UserNamespace.InvalidId)
        {
            return Errno.EOVERFLOW;
        }

        if (rootId != 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(value.AsSpan(RootIdOffset), rootId);
            return Errno.None;
        }

        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(value) & ~Capability.VFS_CAP_REVISION_MASK;
        byte[] converted = value[..Capability.XATTR_CAPS_SZ_2];
        BinaryPrimitives.WriteUInt32LittleEndian(converted, flags | (uint)Capability.VFS_CAP_REVISION_2);
        value = converted;
        return Errno.None;
    }
}
