using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Who may do what to a file (path_resolution(7), capabilities(7); fs/namei.c).</summary>
public static partial class Permissions
{
    private const uint AnyExecute = StatMode.S_IXUSR | StatMode.S_IXGRP | StatMode.S_IXOTH;

    /// <summary>Checks an access against the task's file-system identity. EACCES, EPERM, EROFS.</summary>
    public static Errno Check(Task task, Inode inode, MayAccess access) => Check(task, task.Credentials, inode, access);

    /// <summary>
    /// As <see cref="Check(Task,Inode,MayAccess)"/> with other credentials (access(2) uses the real ids).
    /// </summary>
    public static Errno Check(Task task, Credentials credentials, Inode inode, MayAccess access)
    {
        if ((access & MayAccess.Write) != 0)
        {
            uint type = inode.FileType;
            bool stored = type is StatMode.S_IFREG or StatMode.S_IFDIR or StatMode.S_IFLNK;
            if (stored && inode.SuperBlock.IsReadOnly)
            {
                return Errno.EROFS;
            }

            if (inode.IsImmutable)
            {
                return Errno.EPERM;
            }
        }

        Errno own = inode.CheckPermission(task, access);
        if (own != Errno.EOPNOTSUPP)
        {
            return own;
        }

        Errno errno = inode.GetOwner(out InodeOwner owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        return CheckModeBits(task, credentials, inode, in owner, access)
            ? Errno.None
            : CheckCapabilities(credentials, inode, in owner, access);
    }

    /// <summary>
    /// True when the caller's file-system uid owns the file or CAP_FOWNER covers it (inode_owner_or_capable).
    /// </summary>
    public static bool IsOwnerOrCapable(Credentials credentials, in InodeOwner owner) =>
        credentials.FsUid == owner.Uid || HasCapabilityOver(credentials, in owner, Capability.CAP_FOWNER);

    /// <summary>
    /// A capability counts over a file when its ids are mapped in the caller's user namespace
    /// (capable_wrt_inode_uidgid).
    /// </summary>
    public static bool HasCapabilityOver(Credentials credentials, in InodeOwner owner, int capability) =>
        credentials.HasCapability(capability) && credentials.UserNamespace.MapsIds(owner.Uid, owner.Gid);

    /// <summary>
    /// What access(2) checks with: the real ids; capabilities as a set-id program's caller would have them (all
    /// permitted ones for root, none for others).
    /// </summary>
    public static Credentials WithRealIds(Credentials credentials)
    {
        bool fixup = (credentials.SecureBits & Securebits.SECBIT_NO_SETUID_FIXUP) == 0;
        ulong effective = credentials.RealUid == 0 ? credentials.Permitted : 0;
        return credentials with
        {
            FsUid = credentials.RealUid,
            FsGid = credentials.RealGid,
            Effective = fixup ? effective : credentials.Effective,
        };
    }

    /// <summary>
    /// May the caller make a name in this directory? ENOENT when the directory was removed, EOVERFLOW when its ids have
    /// no meaning in the
    /// file system's user namespace.
    /// </summary>
    internal static Errno MayCreate(Task task, Dentry directory) =>
        directory.IsUnlinked ? Errno.ENOENT : Check(task, directory.Inode!, MayAccess.Write | MayAccess.Execute);

    /// <summary>May the caller remove <paramref name="victim"/> from its directory (may_delete)?</summary>
    internal static Errno MayDelete(Task task, Dentry directory, Inode victim)
    {
        Errno errno = Check(task, directory.Inode!, MayAccess.Write | MayAccess.Execute);
        if (errno == Errno.None && (directory.Inode!.IsAppendOnly || victim.IsFixed))
        {
            return Errno.EPERM;
        }

        return errno != Errno.None ? errno : CheckSticky(task, directory.Inode!, victim);
    }

    /// <summary>EPERM in a sticky directory for who owns neither the file nor the directory.</summary>
    private static Errno CheckSticky(Task task, Inode directory, Inode victim)
    {
        Errno errno = directory.GetOwner(out InodeOwner directoryOwner);
        if (errno != Errno.None || (directoryOwner.Mode & StatMode.S_ISVTX) == 0)
        {
            return errno;
        }

        errno = victim.GetOwner(out InodeOwner owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        Credentials credentials = task.Credentials;
        bool allowed = credentials.FsUid == owner.Uid || credentials.FsUid == directoryOwner.Uid
            || HasCapabilityOver(credentials, in owner, Capability.CAP_FOWNER);
        return allowed ? Errno.None : Errno.EPERM;
    }

    /// <summary>The mode a regular file keeps after a write or truncation by this caller (file_remove_privs).</summary>
    public static uint ModeAfterWrite(Task task, uint mode)
    {
        bool groupExecutable = (mode & StatMode.S_IXGRP) != 0;
        uint drop = mode & (StatMode.S_ISUID | (groupExecutable ? StatMode.S_ISGID : 0));
        return drop == 0 || task.Credentials.HasCapability(Capability.CAP_FSETID) ? mode : mode & ~drop;
    }

    /// <summary>
    /// Owner, group and mode of a file made in a directory (inode_init_owner): umask applied, set-gid inherited.
    /// </summary>
    internal static CreateContext ForNewFile(Task task, uint mode, in InodeOwner directory)
    {
        Credentials credentials = task.Credentials;
        uint gid = credentials.FsGid;
        if ((directory.Mode & StatMode.S_ISGID) != 0)
        {
            gid = directory.Gid;
            mode = InheritSetGid(credentials, mode, in directory);
        }

        return new CreateContext(task, mode, credentials.FsUid, gid);
    }

    private static uint InheritSetGid(Credentials credentials, uint mode, in InodeOwner directory)
    {
        const uint SetGidExecutable = StatMode.S_ISGID | StatMode.S_IXGRP;
        if ((mode & StatMode.S_IFMT) == StatMode.S_IFDIR)
        {
            return mode | StatMode.S_ISGID;
        }

        bool strip = (mode & SetGidExecutable) == SetGidExecutable && !credentials.IsInGroup(directory.Gid)
            && !HasCapabilityOver(credentials, in directory, Capability.CAP_FSETID);
        return strip ? mode & ~StatMode.S_ISGID : mode;
    }

    private static bool CheckModeBits(
        Task task,
        Credentials credentials,
        Inode inode,
        in InodeOwner owner,
        MayAccess access)
    {
        uint wanted = (uint)access & 7;
        if (credentials.FsUid == owner.Uid)
        {
            return (wanted & ~(owner.Mode >> 6)) == 0;
        }

        bool groupBitsMatter = (owner.Mode & StatMode.S_IRWXG) != 0;
        if (groupBitsMatter && inode.AccessList is { } list)
        {
            return list.Allows(credentials, in owner, wanted);
        }

        uint bits = credentials.IsInGroup(owner.Gid) ? owner.Mode >> 3 : owner.Mode;
        return (wanted & ~bits) == 0;
    }

    private static Errno CheckCapabilities(Credentials credentials, Inode inode, in InodeOwner owner, MayAccess access)
    {
        MayAccess wanted = access & (MayAccess.Read | MayAccess.Write | MayAccess.Execute);
        bool isDirectory = inode.FileType == StatMode.S_IFDIR;
        bool searchOnly = isDirectory ? (wanted & MayAccess.Write) == 0 : wanted == MayAccess.Read;
        if (searchOnly && HasCapabilityOver(credentials, in owner, Capability.CAP_DAC_READ_SEARCH))
        {
            return Errno.None;
        }

        bool overridable = isDirectory || (wanted & MayAccess.Execute) == 0 || (owner.Mode & AnyExecute) != 0;
        bool allowed = overridable && HasCapabilityOver(credentials, in owner, Capability.CAP_DAC_OVERRIDE);
        return allowed ? Errno.None : Errno.EACCES;
    }
}
