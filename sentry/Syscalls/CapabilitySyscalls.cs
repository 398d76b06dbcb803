using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using KernelCredentials = Sentry.Kernel.Credentials;

namespace Sentry.Syscalls;

/// <summary>capget(2), capset(2).</summary>
public static class CapabilitySyscalls
{
    private const int HalfBits = 32;

    /// <summary>capget(2): header, data.</summary>
    public static SyscallResult CapGet(Task task, in SyscallArguments args)
    {
        Errno errno = ReadHeader(task, args.Address(0), out CapUserHeader header, out int halves);
        if (halves == 0)
        {
            // A null data pointer asks for the kernel's version only.
            return errno == Errno.EINVAL && args.Address(1).IsNull ? SyscallResult.Ok : errno;
        }

        if (header.pid < 0)
        {
            return Errno.EINVAL;
        }

        Task? target = header.pid == 0 ? task : task.PidNamespace.FindTask(header.pid);
        if (target is null)
        {
            return Errno.ESRCH;
        }

        KernelCredentials credentials = target.Credentials;
        for (int half = 0; half < halves && !args.Address(1).IsNull && errno == Errno.None; half++)
        {
            CapUserData data = new()
            {
                effective = (uint)(credentials.Effective >> (half * HalfBits)),
                permitted = (uint)(credentials.Permitted >> (half * HalfBits)),
                inheritable = (uint)(credentials.Inheritable >> (half * HalfBits)),
            };
            errno = task.Mm.Write(DataAddress(args, half), data);
        }

        return errno;
    }

    /// <summary>capset(2): header, data; only of the caller itself.</summary>
    public static SyscallResult CapSet(Task task, in SyscallArguments args)
    {
        Errno errno = ReadHeader(task, args.Address(0), out CapUserHeader header, out int halves);
        if (halves == 0)
        {
            return errno;
        }

        if (header.pid != 0 && header.pid != task.Tid)
        {
            return Errno.EPERM;
        }

        ulong effective = 0;
        ulong permitted = 0;
        ulong inheritable = 0;
        for (int half = 0; half < halves; half++)
        {
            errno = task.Mm.Read(DataAddress(args, half), out CapUserData data);
            if (errno != Errno.None)
            {
                return errno;
            }

            effective |= (ulong)data.effective << (half * HalfBits);
            permitted |= (ulong)data.permitted << (half * HalfBits);
            inheritable |= (ulong)data.inheritable << (half * HalfBits);
        }

        return Apply(task, effective & KernelCredentials.AllCapabilities, permitted & KernelCredentials.AllCapabilities,
            inheritable & KernelCredentials.AllCapabilities);
    }

    /// <summary>The rules of capset(2) (security/commoncap.c, cap_capset).</summary>
    private static Errno Apply(Task task, ulong effective, ulong permitted, ulong inheritable)
    {
        KernelCredentials old = task.Credentials;
        bool mayAdd = old.HasCapability(Capability.CAP_SETPCAP);
        bool isAllowed = (mayAdd || (inheritable & ~(old.Inheritable | old.Permitted)) == 0)
            && (inheritable & ~(old.Inheritable | old.Bounding)) == 0
            && (permitted & ~old.Permitted) == 0
            && (effective & ~permitted) == 0;
        if (!isAllowed)
        {
            return Errno.EPERM;
        }

        task.CommitCredentials(old with
        {
            Effective = effective,
            Permitted = permitted,
            Inheritable = inheritable,
            Ambient = old.Ambient & permitted & inheritable,
        });
        return Errno.None;
    }

    private static GuestAddress DataAddress(in SyscallArguments args, int half) =>
        args.Address(1).Field(half * 3 * sizeof(uint));

    /// <summary>Reads the header; an unknown version is answered with ours, EINVAL and no halves.</summary>
    private static Errno ReadHeader(Task task, GuestAddress address, out CapUserHeader header, out int halves)
    {
        halves = 0;
        Errno errno = task.Mm.Read(address, out header);
        if (errno != Errno.None)
        {
            return errno;
        }

        halves = header.version switch
        {
            (uint)Capability._LINUX_CAPABILITY_VERSION_1 => Capability._LINUX_CAPABILITY_U32S_1,
            (uint)Capability._LINUX_CAPABILITY_VERSION_2 or (uint)Capability._LINUX_CAPABILITY_VERSION_3 =>
                Capability._LINUX_CAPABILITY_U32S_3,
            _ => 0,
        };
        if (halves != 0)
        {
            return Errno.None;
        }

        errno = task.Mm.Write(address, (uint)Capability._LINUX_CAPABILITY_VERSION_3);
        return errno != Errno.None ? errno : Errno.EINVAL;
    }
}
