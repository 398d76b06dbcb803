using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>How utimensat(2) sets one of the two times.</summary>
public readonly record struct TimeChange(TimeChangeKind Kind, long TimeNs)
{
    /// <summary>The current time.</summary>
    public static TimeChange Now => new(TimeChangeKind.Now, 0);
}

/// <summary>Kinds of <see cref="TimeChange"/>.</summary>
public enum TimeChangeKind
{
    /// <summary>UTIME_OMIT.</summary>
    Omit,

    /// <summary>UTIME_NOW.</summary>
    Now,

    /// <summary>A time given.</summary>
    Given,
}

/// <summary>chmod(2), chown(2), truncate(2), utimensat(2): rights, set-id bits, events.</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>chmod(2). EPERM, EROFS, EOPNOTSUPP for symbolic links.</summary>
    public Errno ChangeMode(Task task, VfsPath path, uint mode)
    {
        Inode inode = path.Dentry.Inode!;
        if (inode.FileType == StatMode.S_IFLNK)
        {
            return Errno.EOPNOTSUPP;
        }

        Errno errno = path.Mount.WantWrite();
        errno = inode.GetOwner(errno, out InodeOwner owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        Credentials credentials = task.Credentials;
        if (inode.IsFixed || !Permissions.IsOwnerOrCapable(credentials, in owner))
        {
            return Errno.EPERM;
        }

        mode &= 0xFFF;
        if (!credentials.IsInGroup(owner.Gid)
            && !Permissions.HasCapabilityOver(credentials, in owner, Capability.CAP_FSETID))
        {
            mode &= ~StatMode.S_ISGID;
        }

        AttributeChange change = new() { Mask = AttributeMask.Mode, Mode = mode };
        return Apply(task, path, in change, Inotify.IN_ATTRIB);
    }

    /// <summary>chown(2) with kuid and kgid; null leaves an id. Set-id bits of what is not a directory go.</summary>
    public Errno ChangeOwner(Task task, VfsPath path, uint? uid, uint? gid)
    {
        Inode inode = path.Dentry.Inode!;
        Errno errno = path.Mount.WantWrite();
        errno = inode.GetOwner(errno, out InodeOwner owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (inode.IsFixed || !MayChangeOwner(task.Credentials, in owner, uid, gid))
        {
            return Errno.EPERM;
        }

        AttributeChange change = new()
        {
            Mask = (uid is null
                ? AttributeMask.None
                : AttributeMask.Uid) | (gid is null ? AttributeMask.None : AttributeMask.Gid),
            Uid = uid ?? 0,
            Gid = gid ?? 0,
        };
        uint kept = ModeAfterChown(task.Credentials, in owner);
        if (inode.FileType != StatMode.S_IFDIR && kept != owner.Mode)
        {
            change.Mask |= AttributeMask.Mode;
            change.Mode = kept & 0xFFF;
        }

        if (inode.FileType == StatMode.S_IFREG)
        {
            _ = inode.RemoveXattr(task, "security.capability");
        }

        return Apply(task, path, in change, Inotify.IN_ATTRIB);
    }

    private static bool MayChangeOwner(Credentials credentials, in InodeOwner owner, uint? uid, uint? gid)
    {
        bool isOwner = credentials.FsUid == owner.Uid;
        bool capable = Permissions.HasCapabilityOver(credentials, in owner, Capability.CAP_CHOWN);
        bool uidAllowed = uid is null || capable || (isOwner && uid == owner.Uid);
        bool gidAllowed = gid is null || capable || (isOwner && (gid == owner.Gid || credentials.IsInGroup(gid.Value)));
        return uidAllowed && gidAllowed;
    }

    /// <summary>
    /// Set-id bits that survive chown(2): none, but set-gid without group execute stays for members and the capable.
    /// </summary>
    private static uint ModeAfterChown(Credentials credentials, in InodeOwner owner)
    {
        uint mode = owner.Mode & ~StatMode.S_ISUID;
        bool keepsSetGid = (owner.Mode & StatMode.S_IXGRP) == 0
            && (credentials.IsInGroup(owner.Gid)
            || Permissions.HasCapabilityOver(credentials, in owner, Capability.CAP_FSETID));
        return keepsSetGid ? mode : mode & ~StatMode.S_ISGID;
    }

    /// <summary>utimensat(2).</summary>
    public Errno ChangeTimes(Task task, VfsPath path, TimeChange access, TimeChange modify)
    {
        if (access.Kind == TimeChangeKind.Omit && modify.Kind == TimeChangeKind.Omit)
        {
            return Errno.None;
        }

        Inode inode = path.Dentry.Inode!;
        Errno errno = path.Mount.WantWrite();
        errno = inode.GetOwner(errno, out InodeOwner owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool bothNow = access.Kind == TimeChangeKind.Now && modify.Kind == TimeChangeKind.Now;
        if (bothNow ? inode.IsImmutable : inode.IsFixed)
        {
            return Errno.EPERM;
        }

        if (!Permissions.IsOwnerOrCapable(task.Credentials, in owner))
        {
            errno = bothNow ? Permissions.Check(task, inode, MayAccess.Write) : Errno.EPERM;
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        long now = NowNs;
        AttributeChange change = new()
        {
            Mask = (access.Kind == TimeChangeKind.Omit ? AttributeMask.None : AttributeMask.AccessTime)
                | (modify.Kind == TimeChangeKind.Omit ? AttributeMask.None : AttributeMask.ModifyTime),
            AccessTimeNs = access.Kind == TimeChangeKind.Now ? now : access.TimeNs,
            ModifyTimeNs = modify.Kind == TimeChangeKind.Now ? now : modify.TimeNs,
        };
        return Apply(task, path, in change, Inotify.IN_ATTRIB);
    }

    /// <summary>truncate(2) by path: EISDIR, EINVAL, EACCES, ETXTBSY, EFBIG.</summary>
    public Errno TruncatePath(Task task, VfsPath path, long sizeBytes)
    {
        Inode inode = path.Dentry.Inode!;
        switch (inode.FileType)
        {
            case StatMode.S_IFREG:
                break;
            case StatMode.S_IFDIR:
                return Errno.EISDIR;
            default:
                return Errno.EINVAL;
        }

        Errno errno = path.Mount.WantWrite();
        errno = errno != Errno.None ? errno : Permissions.Check(task, inode, MayAccess.Write);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!inode.TryAddWriter())
        {
            return Errno.ETXTBSY;
        }

        errno = Truncate(task, path, sizeBytes);
        inode.DropWriter();
        return errno;
    }

    /// <summary>
    /// Sets the size of a file the caller may write; drops set-id bits. EFBIG with SIGXFSZ above RLIMIT_FSIZE.
    /// </summary>
    public Errno Truncate(Task task, VfsPath path, long sizeBytes)
    {
        Inode inode = path.Dentry.Inode!;
        Errno errno = inode.IsAppendOnly ? Errno.EPERM : Errno.None;
        InodeAttributes attributes = default;
        errno = errno != Errno.None ? errno : inode.GetAttributes(out attributes);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (sizeBytes > attributes.SizeBytes)
        {
            errno = FileLimits.CheckSize(task, inode, sizeBytes);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        AttributeChange change = new() { Mask = AttributeMask.Size, SizeBytes = sizeBytes };
        uint kept = Permissions.ModeAfterWrite(task, attributes.Mode);
        if (kept != attributes.Mode)
        {
            change.Mask |= AttributeMask.Mode;
            change.Mode = kept & 0xFFF;
        }

        return Apply(task, path, in change, Inotify.IN_MODIFY);
    }

    private static Errno Apply(Task task, VfsPath path, in AttributeChange change, uint events)
    {
        Errno errno = path.Dentry.Inode!.SetAttributes(task, in change);
        if (errno == Errno.None)
        {
            FileEvents.Report(path, events);
        }

        return errno;
    }
}
