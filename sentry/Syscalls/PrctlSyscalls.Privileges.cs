using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using static Abi.Linux.Prctl;
using KernelCredentials = Sentry.Kernel.Credentials;

namespace Sentry.Syscalls;

public static partial class PrctlSyscalls
{
    private static SyscallResult SetKeepCapabilities(Task task, ulong value)
    {
        KernelCredentials old = task.Credentials;
        if (value > 1)
        {
            return Errno.EINVAL;
        }

        if ((old.SecureBits & Securebits.SECBIT_KEEP_CAPS_LOCKED) != 0)
        {
            return Errno.EPERM;
        }

        uint bits = old.SecureBits & ~Securebits.SECBIT_KEEP_CAPS;
        task.CommitCredentials(old with { SecureBits = value != 0 ? bits | Securebits.SECBIT_KEEP_CAPS : bits });
        return SyscallResult.Ok;
    }

    private static SyscallResult DropBounding(Task task, ulong capability)
    {
        KernelCredentials old = task.Credentials;
        if (!old.HasCapability(Capability.CAP_SETPCAP))
        {
            return Errno.EPERM;
        }

        if (capability > Capability.CAP_LAST_CAP)
        {
            return Errno.EINVAL;
        }

        task.CommitCredentials(old with { Bounding = old.Bounding & ~(1UL << (int)capability) });
        return SyscallResult.Ok;
    }

    /// <summary>Bits are changed only with CAP_SETPCAP, locked ones never (security/commoncap.c,
    /// cap_task_prctl).</summary>
    private static SyscallResult SetSecureBits(Task task, ulong value)
    {
        const uint Locks = Securebits.SECBIT_NOROOT_LOCKED | Securebits.SECBIT_NO_SETUID_FIXUP_LOCKED
            | Securebits.SECBIT_KEEP_CAPS_LOCKED | Securebits.SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
        const uint All = Locks | (Locks >> 1);
        KernelCredentials old = task.Credentials;
        uint changed = old.SecureBits ^ (uint)value;
        bool changesLocked = ((old.SecureBits & Locks) >> 1 & changed) != 0;
        bool unlocks = (old.SecureBits & Locks & ~(uint)value) != 0;
        if (changesLocked || unlocks || (value & ~(ulong)All) != 0 || !old.HasCapability(Capability.CAP_SETPCAP))
        {
            return Errno.EPERM;
        }

        task.CommitCredentials(old with { SecureBits = (uint)value });
        return SyscallResult.Ok;
    }

    private static SyscallResult Ambient(Task task, in SyscallArguments args)
    {
        KernelCredentials old = task.Credentials;
        if (args[1] == PR_CAP_AMBIENT_CLEAR_ALL)
        {
            if (AnySet(args, 2))
            {
                return Errno.EINVAL;
            }

            task.CommitCredentials(old with { Ambient = 0 });
            return SyscallResult.Ok;
        }

        if (args[2] > Capability.CAP_LAST_CAP || AnySet(args, 3))
        {
            return Errno.EINVAL;
        }

        ulong bit = 1UL << (int)args[2];
        switch (args[1])
        {
            case PR_CAP_AMBIENT_IS_SET:
                return (old.Ambient & bit) != 0 ? 1 : 0;
            case PR_CAP_AMBIENT_LOWER:
                task.CommitCredentials(old with { Ambient = old.Ambient & ~bit });
                return SyscallResult.Ok;
            case PR_CAP_AMBIENT_RAISE:
                bool allowed = (old.Permitted & old.Inheritable & bit) != 0
                    && (old.SecureBits & Securebits.SECBIT_NO_CAP_AMBIENT_RAISE) == 0;
                if (!allowed)
                {
                    return Errno.EPERM;
                }

                task.CommitCredentials(old with { Ambient = old.Ambient | bit });
                return SyscallResult.Ok;
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>PR_SET_MM for the single addresses; the whole-map form is refused.</summary>
    private static SyscallResult SetMemoryMap(Task task, in SyscallArguments args)
    {
        if (!task.Credentials.IsCapable(Capability.CAP_SYS_RESOURCE))
        {
            return Errno.EPERM;
        }

        ulong address = args[2];
        if (args[4] != 0 || address >= task.Kernel.Platform.MaxUserAddress
            || address < task.Kernel.Platform.MinUserAddress)
        {
            return Errno.EINVAL;
        }

        ProcessImage image = task.Mm.Image;
        switch (args.Int(1))
        {
            case PR_SET_MM_START_CODE:
                image.StartCode = address;
                break;
            case PR_SET_MM_END_CODE:
                image.EndCode = address;
                break;
            case PR_SET_MM_START_DATA:
                image.StartData = address;
                break;
            case PR_SET_MM_END_DATA:
                image.EndData = address;
                break;
            case PR_SET_MM_START_STACK:
                image.StartStack = address;
                break;
            case PR_SET_MM_ARG_START:
                image.ArgumentStart = address;
                break;
            case PR_SET_MM_ARG_END:
                image.ArgumentEnd = address;
                break;
            case PR_SET_MM_ENV_START:
                image.EnvironmentStart = address;
                break;
            case PR_SET_MM_ENV_END:
                image.EnvironmentEnd = address;
                break;
            default:
                return Errno.EINVAL;
        }

        task.Mm.Image = image;
        return SyscallResult.Ok;
    }
}
