using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>The optional signal mask of ppoll(2), pselect(2) and epoll_pwait(2).</summary>
internal static class SignalMasks
{
    /// <summary>
    /// Installs the mask at <paramref name="address"/>, if any, for this call. EINVAL for a set of another size,
    /// EFAULT.
    /// </summary>
    public static Errno SetTemporary(Task task, GuestAddress address, ulong sizeBytes)
    {
        if (address.IsNull)
        {
            return Errno.None;
        }

        if (sizeBytes != sizeof(ulong))
        {
            return Errno.EINVAL;
        }

        Errno error = task.Mm.Read(address, out ulong mask);
        if (error == Errno.None)
        {
            task.SetTemporaryMask(mask);
        }

        return error;
    }
}
