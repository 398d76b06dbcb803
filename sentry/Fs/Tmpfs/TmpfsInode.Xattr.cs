using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Tmpfs;

/// <summary>Extended attributes and access lists.</summary>
internal abstract partial class TmpfsInode
{
    private const string AccessAclName = "system.posix_acl_access";
    private const string DefaultAclName = "system.posix_acl_default";

    private SortedDictionary<string, byte[]>? _xattrs;
    private AccessControlList? _accessList;
    private AccessControlList? _defaultList;

    /// <inheritdoc/>
    public override AccessControlList? AccessList => _accessList;

    /// <inheritdoc/>
    public override AccessControlList? DefaultAccessList => _defaultList;

    /// <inheritdoc/>
    public override Errno GetXattr(Task task, string name, out byte[] value)
    {
        using (Lock.Enter())
        {
            if (name is AccessAclName or DefaultAclName)
            {
                AccessControlList? list = name == AccessAclName ? _accessList : _defaultList;
                value = list?.ToBytes() ?? [];
                return list is null ? Errno.ENODATA : Errno.None;
            }

            bool found = _xattrs is not null && _xattrs.TryGetValue(name, out value!);
            value = found ? _xattrs![name] : [];
            return found ? Errno.None : Errno.ENODATA;
        }
    }

    /// <inheritdoc/>
    public override Errno SetXattr(Task task, string name, ReadOnlySpan<byte> value, int flags)
    {
        using (Lock.Enter())
        {
            if (name is AccessAclName or DefaultAclName)
            {
                return SetAccessListLocked(name, value);
            }

            bool exists = _xattrs is not null && _xattrs.ContainsKey(name);
            if (exists && (flags & Xattr.XATTR_CREATE) != 0)
            {
                return Errno.EEXIST;
            }

            if (!exists && (flags & Xattr.XATTR_REPLACE) != 0)
            {
                return Errno.ENODATA;
            }

            long old = exists ? Weight(name, _xattrs![name].Length) : 0;
            if (!Instance.TryChargeXattr(Weight(name, value.Length) - old))
            {
                return Errno.ENOSPC;
            }

            (_xattrs ??= new SortedDictionary<string, byte[]>(StringComparer.Ordinal))[name] = value.ToArray();
            _changeNs = VirtualFileSystem.NowNs;
            return Errno.None;
        }
    }

    /// <inheritdoc/>
    public override Errno ListXattr(Task task, List<string> names)
    {
        using (Lock.Enter())
        {
            if (_accessList is not null)
            {
                names.Add(AccessAclName);
            }

            if (_defaultList is not null)
            {
                names.Add(DefaultAclName);
            }

            if (_xattrs is not null)
            {
                names.AddRange(_xattrs.Keys);
            }
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno RemoveXattr(Task task, string name)
    {
        using (Lock.Enter())
        {
            if (name is AccessAclName or DefaultAclName)
            {
                return SetAccessListLocked(name, default);
            }

            if (_xattrs is null || !_xattrs.Remove(name, out byte[]? old))
            {
                return Errno.ENODATA;
            }

            Instance.TryChargeXattr(-Weight(name, old.Length));
            _changeNs = VirtualFileSystem.NowNs;
            return Errno.None;
        }
    }

    /// <summary>
    /// Gives a new file what its directory's default list says; the mode was narrowed by the caller with the same list.
    /// </summary>
    internal void InheritAccessLists(AccessControlList? access, AccessControlList? defaults)
    {
        _accessList = access;
        _defaultList = FileType == StatMode.S_IFDIR ? defaults : null;
    }

    /// <summary>The inode goes: nobody else uses it any more.</summary>
    private void DropXattrs()
    {
        if (_xattrs is null)
        {
            return;
        }

        long bytes = 0;
        foreach ((string name, byte[] value) in _xattrs)
        {
            bytes += Weight(name, value.Length);
        }

        _xattrs = null;
        Instance.TryChargeXattr(-bytes);
    }

    private Errno SetAccessListLocked(string name, ReadOnlySpan<byte> value)
    {
        if (FileType == StatMode.S_IFLNK)
        {
            return Errno.EOPNOTSUPP;
        }

        AccessControlList? list = null;
        if (!value.IsEmpty)
        {
            Errno errno = AccessControlList.Parse(value, out list);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        _changeNs = VirtualFileSystem.NowNs;
        if (name == DefaultAclName)
        {
            if (FileType != StatMode.S_IFDIR)
            {
                return list is null ? Errno.None : Errno.EACCES;
            }

            _defaultList = list;
            return Errno.None;
        }

        uint mode = _permissions;
        bool minimal = list is null || list.EqualsMode(ref mode);
        _accessList = minimal ? null : list;
        _permissions = mode & 0xFFF;
        return Errno.None;
    }

    private void FollowModeLocked() => _accessList = _accessList?.WithMode(_permissions);

    private static long Weight(string name, int valueBytes) => name.Length + valueBytes + 64;
}
