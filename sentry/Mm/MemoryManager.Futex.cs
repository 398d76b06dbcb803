using Abi.Linux;

namespace Sentry.Mm;

/// <summary>Identity of futex words.</summary>
public sealed partial class MemoryManager
{
    /// <summary>
    /// Identity of a futex word (futex(2)): private by address in this address space, shared by what backs it. EINVAL
    /// when misaligned, EFAULT when
    /// unmapped. A word in private memory is private whatever the caller says (kernel/futex/core.c: get_futex_key).
    /// </summary>
    public Errno GetFutexKey(GuestAddress address, FutexScope scope, out FutexKey key)
    {
        key = new FutexKey(this, address.Value);
        if ((address.Value & 3) != 0)
        {
            return Errno.EINVAL;
        }

        if (scope == FutexScope.Private)
        {
            return address.Value < TopAddress ? Errno.None : Errno.EFAULT;
        }

        using (EnterMapping())
        {
            int vma = _vmas.Find(address.Value);
            if (vma == 0 || _vmas.Value(vma).Access == Platform.MemoryAccess.None)
            {
                return Errno.EFAULT;
            }

            ref Vma value = ref _vmas.Value(vma);
            if (!value.IsPrivate && value.Mappable is not null)
            {
                key = new FutexKey(value.Mappable, value.Offset + (address.Value - _vmas.Start(vma)));
            }

            return Errno.None;
        }
    }
}
