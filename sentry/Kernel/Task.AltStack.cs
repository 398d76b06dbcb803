using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial class Task
{
    /// <summary>True when the stack pointer lies on the alternate stack; with SS_AUTODISARM that counts as not
    /// (sigaltstack(2)).</summary>
    internal bool IsOnAltStack(ulong stackPointer) =>
        ((uint)_altStack.ss_flags & SigStack.SS_AUTODISARM) == 0 && IsInsideAltStack(stackPointer);

    /// <summary>The setting as sigaltstack(2) and ucontext report it.</summary>
    internal SigAltStack ReportedAltStack(ulong stackPointer)
    {
        SigAltStack result = _altStack;
        uint mode = _altStack.ss_size == 0 ? SigStack.SS_DISABLE : IsOnAltStack(stackPointer) ? SigStack.SS_ONSTACK : 0;
        result.ss_flags = (int)(mode | ((uint)_altStack.ss_flags & SigStack.SS_AUTODISARM));
        return result;
    }

    /// <summary>sigaltstack(2): EPERM while on it, EINVAL for unknown flags, ENOMEM when it is too small.</summary>
    internal Errno SetAltStack(in SigAltStack wanted, ulong stackPointer)
    {
        uint flags = (uint)wanted.ss_flags;
        uint mode = flags & ~SigStack.SS_AUTODISARM;
        if (IsOnAltStack(stackPointer))
        {
            return Errno.EPERM;
        }

        if (mode is not (0 or SigStack.SS_ONSTACK or SigStack.SS_DISABLE))
        {
            return Errno.EINVAL;
        }

        if (mode == SigStack.SS_DISABLE)
        {
            _altStack = new SigAltStack { ss_flags = wanted.ss_flags };
            return Errno.None;
        }

        if (wanted.ss_size < (ulong)GuestKernel.MinimumSignalStackBytes)
        {
            return Errno.ENOMEM;
        }

        _altStack = wanted;
        return Errno.None;
    }

    private bool HasAltStack(ulong stackPointer) => _altStack.ss_size != 0 && !IsInsideAltStack(stackPointer);

    private bool IsInsideAltStack(ulong address) =>
        address > _altStack.ss_sp && address - _altStack.ss_sp <= _altStack.ss_size;

    private void DisarmAltStack()
    {
        if (((uint)_altStack.ss_flags & SigStack.SS_AUTODISARM) != 0)
        {
            ResetAltStack();
        }
    }
}
