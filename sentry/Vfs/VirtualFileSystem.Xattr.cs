using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Extended attributes with the rules of xattr(7).</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>getxattr(2): EOPNOTSUPP, ENODATA, EACCES.</summary>
    public Errno GetXattr(Task task, VfsPath path, string name, out byte[] value)
    {
        value = [];
        Inode inode = path.Dentry.Inode!;
        Errno errno = CheckXattr(task, inode, name, MayAccess.Read);
        errno = errno != Errno.None ? errno : inode.GetXattr(task, name, out value);
        if (errno != Errno.None)
        {
            return errno;
        }

        return XattrIds.ToGuest(task, name, ref value);
    }

    /// <summary>setxattr(2) with XATTR_CREATE or XATTR_REPLACE.</summary>
    public Errno SetXattr(Task task, VfsPath path, string name, byte[] value, int flags)
    {
        Inode inode = path.Dentry.Inode!;
        Errno errno = path.Mount.WantWrite();
        errno = errno != Errno.None ? errno : CheckXattr(task, inode, name, MayAccess.Write);
        errno = errno != Errno.None ? errno : XattrIds.ToKernel(task, name, ref value);
        errno = errno != Errno.None ? errno : inode.SetXattr(task, name, value, flags);
        if (errno == Errno.None)
        {
            FileEvents.Report(path, Inotify.IN_ATTRIB);
        }

        return errno;
    }

    /// <summary>removexattr(2).</summary>
    public Errno RemoveXattr(Task task, VfsPath path, string name)
    {
        Inode inode = path.Dentry.Inode!;
        Errno errno = path.Mount.WantWrite();
        errno = errno != Errno.None ? errno : CheckXattr(task, inode, name, MayAccess.Write);
        errno = errno != Errno.None ? errno : inode.RemoveXattr(task, name);
        if (errno == Errno.None)
        {
            FileEvents.Report(path, Inotify.IN_ATTRIB);
        }

        return errno;
    }

    /// <summary>listxattr(2): trusted attributes are shown to the privileged only.</summary>
    public Errno ListXattr(Task task, VfsPath path, out List<string> names)
    {
        names = [];
        Errno errno = path.Dentry.Inode!.ListXattr(task, names);
        if (!task.Credentials.IsCapable(Capability.CAP_SYS_ADMIN))
        {
            names.RemoveAll(static name => name.StartsWith(Xattr.XATTR_TRUSTED_PREFIX, StringComparison.Ordinal));
        }

        return errno;
    }

    /// <summary>xattr_permission, and what the security module asks for its prefix.</summary>
    private static Errno CheckXattr(Task task, Inode inode, string name, MayAccess access)
    {
        if (access == MayAccess.Write && inode.IsFixed)
        {
            return Errno.EPERM;
        }

        if (Has(name, Xattr.XATTR_SECURITY_PREFIX))
        {
            return CheckSecurity(task, inode, name, access);
        }

        if (Has(name, Xattr.XATTR_TRUSTED_PREFIX))
        {
            bool trusted = task.Credentials.IsCapable(Capability.CAP_SYS_ADMIN);
            return trusted ? Errno.None : access == MayAccess.Write ? Errno.EPERM : Errno.ENODATA;
        }

        if (name is Xattr.XATTR_NAME_POSIX_ACL_ACCESS or Xattr.XATTR_NAME_POSIX_ACL_DEFAULT)
        {
            return CheckAccessList(task, inode, access);
        }

        return Has(name, Xattr.XATTR_USER_PREFIX) ? CheckUser(task, inode, access) : Errno.EOPNOTSUPP;
    }

    private static bool Has(string name, string prefix) =>
        name.Length > prefix.Length && name.StartsWith(prefix, StringComparison.Ordinal);

    private static Errno CheckSecurity(Task task, Inode inode, string name, MayAccess access)
    {
        if (access == MayAccess.Read)
        {
            return Errno.None;
        }

        Errno errno = inode.GetOwner(out InodeOwner owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool allowed = name == Xattr.XATTR_NAME_CAPS
            ? Permissions.HasCapabilityOver(task.Credentials, in owner, Capability.CAP_SETFCAP)
            : task.Credentials.IsCapable(Capability.CAP_SYS_ADMIN);
        return allowed ? Errno.None : Errno.EPERM;
    }

    private static Errno CheckAccessList(Task task, Inode inode, MayAccess access)
    {
        if (access == MayAccess.Read)
        {
            return Errno.None;
        }

        Errno errno = inode.GetOwner(out InodeOwner owner);
        return errno == Errno.None && !Permissions.IsOwnerOrCapable(task.Credentials, in owner) ? Errno.EPERM : errno;
    }

    /// <summary>
    /// User attributes are for regular files and directories; in a sticky directory's case the owner alone may set
    /// them.
    /// </summary>
    private static Errno CheckUser(Task task, Inode inode, MayAccess access)
    {
        if (inode.FileType is not (StatMode.S_IFREG or StatMode.S_IFDIR))
        {
            return access == MayAccess.Write ? Errno.EPERM : Errno.ENODATA;
        }

        Errno errno = inode.GetOwner(out InodeOwner owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool sticky = inode.FileType == StatMode.S_IFDIR && (owner.Mode & StatMode.S_ISVTX) != 0;
        if (sticky && access == MayAccess.Write && !Permissions.IsOwnerOrCapable(task.Credentials, in owner))
        {
            return Errno.EPERM;
        }

        return Permissions.Check(task, inode, access);
    }
}
