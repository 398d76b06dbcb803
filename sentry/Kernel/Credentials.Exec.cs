using System;
using System.Buffers.Binary;
using Abi.Linux;

namespace Sentry.Kernel;

/// <summary>The security.capability attribute of a file (capabilities(7), "File capabilities";
/// include/uapi/linux/capability.h).</summary>
internal struct FileCapabilities
{
    internal ulong Permitted;
    internal ulong Inheritable;
    internal bool IsEffective;

    /// <summary>Reads the attribute; false when it is malformed or belongs to a root of another user
    /// namespace.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> value, UserNamespace reader, out FileCapabilities result)
    {
        result = default;
        if (value.Length < Capability.XATTR_CAPS_SZ_1)
        {
            return false;
        }

        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(value);
        int expected = (magic & Capability.VFS_CAP_REVISION_MASK) switch
        {
            (uint)Capability.VFS_CAP_REVISION_1 => Capability.XATTR_CAPS_SZ_1,
            (uint)Capability.VFS_CAP_REVISION_2 => Capability.XATTR_CAPS_SZ_2,
            (uint)Capability.VFS_CAP_REVISION_3 => Capability.XATTR_CAPS_SZ_3,
            _ => 0,
        };
        if (value.Length != expected)
        {
            return false;
        }

        result.IsEffective = (magic & (uint)Capability.VFS_CAP_FLAGS_EFFECTIVE) != 0;
        result.Permitted = BinaryPrimitives.ReadUInt32LittleEndian(value[4..]);
        result.Inheritable = BinaryPrimitives.ReadUInt32LittleEndian(value[8..]);
        if (expected > Capability.XATTR_CAPS_SZ_1)
        {
            result.Permitted |= (ulong)BinaryPrimitives.ReadUInt32LittleEndian(value[12..]) << 32;
            result.Inheritable |= (ulong)BinaryPrimitives.ReadUInt32LittleEndian(value[16..]) << 32;
        }

        uint rootUid = expected == Capability.XATTR_CAPS_SZ_3 ? BinaryPrimitives.ReadUInt32LittleEndian(value[20..])
            : 0;
        return IsRootOf(rootUid, reader);
    }

    /// <summary>The attribute counts in namespaces whose root (or an ancestor's) is the user it names.</summary>
    private static bool IsRootOf(uint kernelUid, UserNamespace reader)
    {
        UserNamespace? current = reader;
        while (current is not null && current.ToKernelUid(0) != kernelUid)
        {
            current = current.Parent;
        }

        return current is not null;
    }
}

/// <summary>What execve(2) knows of a file and its circumstances when it decides on privileges.</summary>
internal struct ExecutionPrivileges
{
    internal uint Mode;
    internal uint Uid;
    internal uint Gid;
    internal bool IgnoresSetId;
    internal bool NoNewPrivileges;
    internal bool SharesFileSystem;
    internal bool HasCapabilities;
    internal FileCapabilities Capabilities;
}

public sealed partial record Credentials
{
    /// <summary>
    /// The credentials a program starts with (security/commoncap.c, cap_bprm_creds_from_file; fs/exec.c,
    /// bprm_fill_uid). EPERM when the file's
    /// capabilities demand what the bounding set forbids.
    /// </summary>
    internal Errno ForExecution(in ExecutionPrivileges file, out Credentials result, out bool isSecure)
    {
        isSecure = false;
        result = ApplySetId(file);
        bool effective = false;
        bool hasFileCapabilities = file.HasCapabilities && !file.IgnoresSetId;
        result = result with { Permitted = 0 };
        if (hasFileCapabilities)
        {
            ulong permitted = (Bounding & file.Capabilities.Permitted) | (Inheritable & file.Capabilities.Inheritable);
            effective = file.Capabilities.IsEffective;
            if (effective && (file.Capabilities.Permitted & ~permitted) != 0)
            {
                return Errno.EPERM;
            }

            result = result with { Permitted = permitted };
        }

        uint root = UserNamespace.ToKernelUid(0);
        result = result.ApplyRoot(root, hasFileCapabilities, RealUid, ref effective);
        bool isSetId = result.EffectiveUid != RealUid || result.EffectiveGid != RealGid;
        bool gained = (result.Permitted & ~Permitted) != 0;
        if ((isSetId || gained) && (file.NoNewPrivileges || file.SharesFileSystem))
        {
            result = Restrain(result, file.NoNewPrivileges);
            isSetId = result.EffectiveUid != RealUid || result.EffectiveGid != RealGid;
        }

        ulong ambient = hasFileCapabilities || isSetId ? 0 : result.Ambient;
        ulong all = result.Permitted | ambient;
        result = result with
        {
            SavedUid = result.EffectiveUid,
            FsUid = result.EffectiveUid,
            SavedGid = result.EffectiveGid,
            FsGid = result.EffectiveGid,
            Ambient = ambient,
            Permitted = all,
            Effective = effective ? all : ambient,
            SecureBits = result.SecureBits & ~Securebits.SECBIT_KEEP_CAPS,
        };
        isSecure = isSetId || (result.RealUid != root && (effective || (all & ~ambient) != 0));
        return Errno.None;
    }

    private Credentials ApplySetId(in ExecutionPrivileges file)
    {
        const uint SetGidExecutable = StatMode.S_ISGID | StatMode.S_IXGRP;
        if (file.IgnoresSetId || file.NoNewPrivileges
            || UserNamespace.FromKernelUid(file.Uid) == UserNamespace.InvalidId
            || UserNamespace.FromKernelGid(file.Gid) == UserNamespace.InvalidId)
        {
            return this;
        }

        uint uid = (file.Mode & StatMode.S_ISUID) != 0 ? file.Uid : EffectiveUid;
        uint gid = (file.Mode & SetGidExecutable) == SetGidExecutable ? file.Gid : EffectiveGid;
        return this with { EffectiveUid = uid, EffectiveGid = gid };
    }

    /// <summary>root gets all capabilities of the bounding set, unless SECBIT_NOROOT or the file says otherwise
    /// (handle_privileged_root).</summary>
    private Credentials ApplyRoot(uint root, bool hasFileCapabilities, uint realUid, ref bool effective)
    {
        if ((SecureBits & Securebits.SECBIT_NOROOT) != 0 || root == UserNamespace.InvalidId
            || (hasFileCapabilities && realUid != root && EffectiveUid == root))
        {
            return this;
        }

        bool isRoot = EffectiveUid == root || realUid == root;
        effective |= EffectiveUid == root;
        return isRoot ? this with { Permitted = Bounding | Inheritable } : this;
    }

    /// <summary>Privileges that must not be gained are taken back.</summary>
    private Credentials Restrain(Credentials wanted, bool noNewPrivileges)
    {
        bool keepsIds = HasCapability(Capability.CAP_SETUID) && !noNewPrivileges;
        return wanted with
        {
            EffectiveUid = keepsIds ? wanted.EffectiveUid : RealUid,
            EffectiveGid = keepsIds ? wanted.EffectiveGid : RealGid,
            Permitted = wanted.Permitted & Permitted,
        };
    }
}
