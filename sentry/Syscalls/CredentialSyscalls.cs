using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using KernelCredentials = Sentry.Kernel.Credentials;

namespace Sentry.Syscalls;

/// <summary>User and group ids (credentials(7), setuid(2), setresuid(2), setgroups(2)...).</summary>
public static class CredentialSyscalls
{
    private const uint Keep = uint.MaxValue;

    /// <summary>getuid(2).</summary>
    public static SyscallResult GetUid(Task task, in SyscallArguments args) => User(task, task.Credentials.RealUid);

    /// <summary>geteuid(2).</summary>
    public static SyscallResult GetEuid(Task task, in SyscallArguments args) =>
        User(task, task.Credentials.EffectiveUid);

    /// <summary>getgid(2).</summary>
    public static SyscallResult GetGid(Task task, in SyscallArguments args) => Group(task, task.Credentials.RealGid);

    /// <summary>getegid(2).</summary>
    public static SyscallResult GetEgid(Task task, in SyscallArguments args) =>
        Group(task, task.Credentials.EffectiveGid);

    /// <summary>setuid(2): with CAP_SETUID all ids, else the effective one to the real or saved one.</summary>
    public static SyscallResult SetUid(Task task, in SyscallArguments args)
    {
        KernelCredentials old = task.Credentials;
        uint uid = old.UserNamespace.ToKernelUid(args.UInt(0));
        if (uid == UserNamespace.InvalidId)
        {
            return Errno.EINVAL;
        }

        if (old.HasCapability(Capability.CAP_SETUID))
        {
            return Commit(task, old, old with { RealUid = uid, EffectiveUid = uid, SavedUid = uid, FsUid = uid });
        }

        bool allowed = uid == old.RealUid || uid == old.SavedUid;
        return allowed ? Commit(task, old, old with { EffectiveUid = uid, FsUid = uid }) : Errno.EPERM;
    }

    /// <summary>setgid(2).</summary>
    public static SyscallResult SetGid(Task task, in SyscallArguments args)
    {
        KernelCredentials old = task.Credentials;
        uint gid = old.UserNamespace.ToKernelGid(args.UInt(0));
        if (gid == UserNamespace.InvalidId)
        {
            return Errno.EINVAL;
        }

        if (old.HasCapability(Capability.CAP_SETGID))
        {
            return Commit(task, old, old with { RealGid = gid, EffectiveGid = gid, SavedGid = gid, FsGid = gid });
        }

        bool allowed = gid == old.RealGid || gid == old.SavedGid;
        return allowed ? Commit(task, old, old with { EffectiveGid = gid, FsGid = gid }) : Errno.EPERM;
    }

    /// <summary>setreuid(2).</summary>
    public static SyscallResult SetReUid(Task task, in SyscallArguments args)
    {
        KernelCredentials old = task.Credentials;
        if (!TryMap(old, IdKind.User, args.UInt(0), out uint real)
            || !TryMap(old, IdKind.User, args.UInt(1), out uint effective))
        {
            return Errno.EINVAL;
        }

        bool capable = old.HasCapability(Capability.CAP_SETUID);
        bool realAllowed = real == Keep || real == old.RealUid || real == old.EffectiveUid;
        bool effectiveAllowed = effective == Keep || effective == old.RealUid || effective == old.EffectiveUid
            || effective == old.SavedUid;
        if (!capable && (!realAllowed || !effectiveAllowed))
        {
            return Errno.EPERM;
        }

        uint newReal = real == Keep ? old.RealUid : real;
        uint newEffective = effective == Keep ? old.EffectiveUid : effective;
        bool savesToo = real != Keep || (effective != Keep && newEffective != old.RealUid);
        return Commit(task, old, old with
        {
            RealUid = newReal,
            EffectiveUid = newEffective,
            SavedUid = savesToo ? newEffective : old.SavedUid,
            FsUid = newEffective,
        });
    }

    /// <summary>setregid(2).</summary>
    public static SyscallResult SetReGid(Task task, in SyscallArguments args)
    {
        KernelCredentials old = task.Credentials;
        if (!TryMap(old, IdKind.Group, args.UInt(0), out uint real)
            || !TryMap(old, IdKind.Group, args.UInt(1), out uint effective))
        {
            return Errno.EINVAL;
        }

        bool capable = old.HasCapability(Capability.CAP_SETGID);
        bool realAllowed = real == Keep || real == old.RealGid || real == old.EffectiveGid;
        bool effectiveAllowed = effective == Keep || effective == old.RealGid || effective == old.EffectiveGid
            || effective == old.SavedGid;
        if (!capable && (!realAllowed || !effectiveAllowed))
        {
            return Errno.EPERM;
        }

        uint newReal = real == Keep ? old.RealGid : real;
        uint newEffective = effective == Keep ? old.EffectiveGid : effective;
        bool savesToo = real != Keep || (effective != Keep && newEffective != old.RealGid);
        return Commit(task, old, old with
        {
            RealGid = newReal,
            EffectiveGid = newEffective,
            SavedGid = savesToo ? newEffective : old.SavedGid,
            FsGid = newEffective,
        });
    }

    /// <summary>setresuid(2).</summary>
    public static SyscallResult SetResUid(Task task, in SyscallArguments args)
    {
        KernelCredentials old = task.Credentials;
        if (!TryMap(old, IdKind.User, args.UInt(0), out uint real)
            || !TryMap(old, IdKind.User, args.UInt(1), out uint effective)
            || !TryMap(old, IdKind.User, args.UInt(2), out uint saved))
        {
            return Errno.EINVAL;
        }

        bool allowed = old.HasCapability(Capability.CAP_SETUID)
            || (IsOwnUid(old, real) && IsOwnUid(old, effective) && IsOwnUid(old, saved));
        if (!allowed)
        {
            return Errno.EPERM;
        }

        uint newEffective = effective == Keep ? old.EffectiveUid : effective;
        return Commit(task, old, old with
        {
            RealUid = real == Keep ? old.RealUid : real,
            EffectiveUid = newEffective,
            SavedUid = saved == Keep ? old.SavedUid : saved,
            FsUid = newEffective,
        });
    }

    /// <summary>setresgid(2).</summary>
    public static SyscallResult SetResGid(Task task, in SyscallArguments args)
    {
        KernelCredentials old = task.Credentials;
        if (!TryMap(old, IdKind.Group, args.UInt(0), out uint real)
            || !TryMap(old, IdKind.Group, args.UInt(1), out uint effective)
            || !TryMap(old, IdKind.Group, args.UInt(2), out uint saved))
        {
            return Errno.EINVAL;
        }

        bool allowed = old.HasCapability(Capability.CAP_SETGID)
            || (IsOwnGid(old, real) && IsOwnGid(old, effective) && IsOwnGid(old, saved));
        if (!allowed)
        {
            return Errno.EPERM;
        }

        uint newEffective = effective == Keep ? old.EffectiveGid : effective;
        return Commit(task, old, old with
        {
            RealGid = real == Keep ? old.RealGid : real,
            EffectiveGid = newEffective,
            SavedGid = saved == Keep ? old.SavedGid : saved,
            FsGid = newEffective,
        });
    }

    /// <summary>getresuid(2).</summary>
    public static SyscallResult GetResUid(Task task, in SyscallArguments args)
    {
        KernelCredentials now = task.Credentials;
        UserNamespace ids = now.UserNamespace;
        Errno errno = task.Mm.Write(args.Address(0), ids.FromKernelUidOrOverflow(now.RealUid));
        errno = errno != Errno.None ? errno : task.Mm.Write(args.Address(1),
            ids.FromKernelUidOrOverflow(now.EffectiveUid));
        return errno != Errno.None ? errno : task.Mm.Write(args.Address(2), ids.FromKernelUidOrOverflow(now.SavedUid));
    }

    /// <summary>getresgid(2).</summary>
    public static SyscallResult GetResGid(Task task, in SyscallArguments args)
    {
        KernelCredentials now = task.Credentials;
        UserNamespace ids = now.UserNamespace;
        Errno errno = task.Mm.Write(args.Address(0), ids.FromKernelGidOrOverflow(now.RealGid));
        errno = errno != Errno.None ? errno : task.Mm.Write(args.Address(1),
            ids.FromKernelGidOrOverflow(now.EffectiveGid));
        return errno != Errno.None ? errno : task.Mm.Write(args.Address(2), ids.FromKernelGidOrOverflow(now.SavedGid));
    }

    /// <summary>setfsuid(2): returns the old id, whether or not it changed.</summary>
    public static SyscallResult SetFsUid(Task task, in SyscallArguments args)
    {
        KernelCredentials old = task.Credentials;
        uint uid = old.UserNamespace.ToKernelUid(args.UInt(0));
        bool allowed = uid != UserNamespace.InvalidId
            && (uid == old.FsUid || IsOwnUid(old, uid) || old.HasCapability(Capability.CAP_SETUID));
        if (allowed && uid != old.FsUid)
        {
            task.CommitCredentials((old with { FsUid = uid }).AfterFsUidChange(old));
        }

        return User(task, old.FsUid);
    }

    /// <summary>setfsgid(2).</summary>
    public static SyscallResult SetFsGid(Task task, in SyscallArguments args)
    {
        KernelCredentials old = task.Credentials;
        uint gid = old.UserNamespace.ToKernelGid(args.UInt(0));
        bool allowed = gid != UserNamespace.InvalidId
            && (gid == old.FsGid || IsOwnGid(old, gid) || old.HasCapability(Capability.CAP_SETGID));
        if (allowed && gid != old.FsGid)
        {
            task.CommitCredentials(old with { FsGid = gid });
        }

        return Group(task, old.FsGid);
    }

    /// <summary>getgroups(2).</summary>
    public static SyscallResult GetGroups(Task task, in SyscallArguments args)
    {
        int size = args.Int(0);
        uint[] groups = task.Credentials.Groups;
        if (size < 0 || (size != 0 && size < groups.Length))
        {
            return Errno.EINVAL;
        }

        for (int i = 0; i < groups.Length && size != 0; i++)
        {
            uint gid = task.Credentials.UserNamespace.FromKernelGidOrOverflow(groups[i]);
            Errno errno = task.Mm.Write(new GuestAddress(unchecked(args[1] + (ulong)(i * sizeof(uint)))), gid);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        return groups.Length;
    }

    /// <summary>setgroups(2).</summary>
    public static SyscallResult SetGroups(Task task, in SyscallArguments args)
    {
        KernelCredentials old = task.Credentials;
        if (!old.UserNamespace.MaySetGroups() || !old.HasCapability(Capability.CAP_SETGID))
        {
            return Errno.EPERM;
        }

        uint count = args.UInt(0);
        if (count > Limits.NGROUPS_MAX)
        {
            return Errno.EINVAL;
        }

        uint[] groups = new uint[count];
        for (int i = 0; i < groups.Length; i++)
        {
            Errno errno = task.Mm.Read(new GuestAddress(unchecked(args[1] + (ulong)(i * sizeof(uint)))), out uint gid);
            if (errno != Errno.None)
            {
                return errno;
            }

            groups[i] = old.UserNamespace.ToKernelGid(gid);
            if (groups[i] == UserNamespace.InvalidId)
            {
                return Errno.EINVAL;
            }
        }

        Array.Sort(groups);
        task.CommitCredentials(old with { Groups = groups });
        return SyscallResult.Ok;
    }

    private static SyscallResult User(Task task, uint kernelUid) =>
        (long)task.Credentials.UserNamespace.FromKernelUidOrOverflow(kernelUid);

    private static SyscallResult Group(Task task, uint kernelGid) =>
        (long)task.Credentials.UserNamespace.FromKernelGidOrOverflow(kernelGid);

    private static SyscallResult Commit(Task task, KernelCredentials old, KernelCredentials wanted)
    {
        task.CommitCredentials(wanted.AfterIdChange(old));
        return SyscallResult.Ok;
    }

    private static bool TryMap(KernelCredentials credentials, IdKind kind, uint id, out uint kernelId)
    {
        kernelId = Keep;
        if (id == Keep)
        {
            return true;
        }

        kernelId = kind == IdKind.User ? credentials.UserNamespace.ToKernelUid(id)
            : credentials.UserNamespace.ToKernelGid(id);
        return kernelId != UserNamespace.InvalidId;
    }

    private static bool IsOwnUid(KernelCredentials now, uint uid) =>
        uid == Keep || uid == now.RealUid || uid == now.EffectiveUid || uid == now.SavedUid;

    private static bool IsOwnGid(KernelCredentials now, uint gid) =>
        gid == Keep || gid == now.RealGid || gid == now.EffectiveGid || gid == now.SavedGid;
}
