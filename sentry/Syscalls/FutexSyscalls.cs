using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using static Abi.Linux.FutexOp;

namespace Sentry.Syscalls;

/// <summary>futex(2) and its successors; the queues are <see cref="FutexManager"/>'s.</summary>
public static class FutexSyscalls
{
    private const ulong SharedBit = 1UL << 32;
    private const uint Futex2Flags = FUTEX2_SIZE_MASK | FUTEX2_PRIVATE;
    private const ulong RobustHeadBytes = 24;

    /// <summary>futex(uint32_t *uaddr, int op, uint32_t val, timeout or val2, uint32_t *uaddr2, uint32_t
    /// val3).</summary>
    public static SyscallResult Futex(Task task, in SyscallArguments args)
    {
        int operation = args.Int(1);
        int command = operation & FUTEX_CMD_MASK;
        bool isRealtime = (operation & FUTEX_CLOCK_REALTIME) != 0;
        if (isRealtime && command is not (FUTEX_WAIT_BITSET or FUTEX_WAIT_REQUEUE_PI or FUTEX_LOCK_PI2))
        {
            return Errno.ENOSYS;
        }

        Errno errno = ReadTimeout(task, command, isRealtime, args.Address(3), out long deadlineNs);
        if (errno != Errno.None)
        {
            return errno;
        }

        FutexScope scope = (operation & FUTEX_PRIVATE_FLAG) != 0 ? FutexScope.Private : FutexScope.Shared;
        return command switch
        {
            FUTEX_WAIT => Wait(task, args.Address(0), scope, args.UInt(2), FUTEX_BITSET_MATCH_ANY, deadlineNs),
            FUTEX_WAIT_BITSET => Wait(task, args.Address(0), scope, args.UInt(2), args.UInt(5), deadlineNs),
            FUTEX_WAKE => Wake(task, args.Address(0), scope, args.Int(2), FUTEX_BITSET_MATCH_ANY),
            FUTEX_WAKE_BITSET => Wake(task, args.Address(0), scope, args.Int(2), args.UInt(5)),
            FUTEX_LOCK_PI or FUTEX_LOCK_PI2 =>
                task.Kernel.Futexes.LockPi(task, args.Address(0), scope, FutexLockMode.Wait, deadlineNs),
            FUTEX_TRYLOCK_PI =>
                task.Kernel.Futexes.LockPi(task, args.Address(0), scope, FutexLockMode.Try, deadlineNs),
            FUTEX_UNLOCK_PI => task.Kernel.Futexes.UnlockPi(task, args.Address(0), scope),
            _ => OnTwoWords(task, command, scope, args, deadlineNs),
        };
    }

    /// <summary>futex_waitv(struct futex_waitv *waiters, unsigned int nr_futexes, flags, struct timespec *timeout,
    /// clockid_t clockid).</summary>
    public static SyscallResult FutexWaitv(Task task, in SyscallArguments args)
    {
        uint count = args.UInt(1);
        if (args.UInt(2) != 0 || count is 0 or > FUTEX_WAITV_MAX || args.Address(0).IsNull)
        {
            return Errno.EINVAL;
        }

        Errno errno = ReadDeadline(task, args.Address(3), args.Int(4), out long deadlineNs);
        if (errno != Errno.None)
        {
            return errno;
        }

        GuestAddress[] addresses = new GuestAddress[count];
        FutexScope[] scopes = new FutexScope[count];
        uint[] expected = new uint[count];
        for (int i = 0; i < count && errno == Errno.None; i++)
        {
            errno = ReadWaiter(task, args.Address(0), i, out addresses[i], out scopes[i], out expected[i]);
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        errno = task.Kernel.Futexes.WaitMany(task, addresses, scopes, expected, deadlineNs, out int woken);
        return SyscallResult.From(errno, woken);
    }

    /// <summary>futex_wake(void *uaddr, unsigned long mask, int nr, unsigned int flags).</summary>
    public static SyscallResult FutexWake(Task task, in SyscallArguments args)
    {
        Errno errno = CheckFutex2(args.UInt(3), args[1], out FutexScope scope);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = task.Kernel.Futexes.Wake(task, args.Address(0), scope, args.Int(2), (uint)args[1], out int woken);
        return SyscallResult.From(errno, woken);
    }

    /// <summary>futex_wait(void *uaddr, unsigned long val, mask, unsigned int flags, struct timespec *timeout,
    /// clockid_t clockid).</summary>
    public static SyscallResult FutexWait(Task task, in SyscallArguments args)
    {
        Errno errno = CheckFutex2(args.UInt(3), args[1], out FutexScope scope);
        errno = errno != Errno.None ? errno : CheckFutex2(args.UInt(3), args[2], out scope);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = ReadDeadline(task, args.Address(4), args.Int(5), out long deadlineNs);
        return errno != Errno.None
            ? errno
            : task.Kernel.Futexes.Wait(task, args.Address(0), scope, (uint)args[1], (uint)args[2], deadlineNs);
    }

    /// <summary>futex_requeue(struct futex_waitv *waiters, unsigned int flags, int nr_wake, int nr_requeue).</summary>
    public static SyscallResult FutexRequeue(Task task, in SyscallArguments args)
    {
        if (args.UInt(1) != 0 || args.Address(0).IsNull)
        {
            return Errno.EINVAL;
        }

        Errno errno = ReadWaiter(task, args.Address(0), 0, out GuestAddress from, out FutexScope fromScope,
            out uint expected);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = ReadWaiter(task, args.Address(0), 1, out GuestAddress to, out FutexScope toScope, out _);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = task.Kernel.Futexes.Requeue(
            task, (from, fromScope), (to, toScope), args.Int(2), args.Int(3), FutexCompare.Value, expected,
                out int affected);
        return SyscallResult.From(errno, affected);
    }

    /// <summary>set_robust_list(struct robust_list_head *head, size_t len).</summary>
    public static SyscallResult SetRobustList(Task task, in SyscallArguments args)
    {
        if (args[1] != RobustHeadBytes)
        {
            return Errno.EINVAL;
        }

        task.RobustList = args.Address(0);
        return SyscallResult.Ok;
    }

    /// <summary>get_robust_list(int pid, struct robust_list_head **head_ptr, size_t *len_ptr).</summary>
    public static SyscallResult GetRobustList(Task task, in SyscallArguments args)
    {
        int tid = args.Int(0);
        Task? target = tid == 0 ? task : task.PidNamespace.FindTask(tid);
        if (target is null)
        {
            return Errno.ESRCH;
        }

        Errno errno = PtraceAccess.Check(task, target, PtraceCredentials.Real);
        errno = errno != Errno.None ? errno : task.Mm.Write(args.Address(2), RobustHeadBytes);
        return errno != Errno.None ? errno : task.Mm.Write(args.Address(1), target.RobustList.Value);
    }

    /// <summary>Goes on with a FUTEX_WAIT that had a time-out (restart_syscall(2)).</summary>
    internal static SyscallResult ContinueWait(Task task, ref RestartBlock block)
    {
        FutexScope scope = (block.Argument2 & SharedBit) != 0 ? FutexScope.Shared : FutexScope.Private;
        GuestAddress address = new(block.Argument0);
        return Wait(task, address, scope, (uint)block.Argument1, (uint)block.Argument2, block.DeadlineNs);
    }

    private static SyscallResult OnTwoWords(
        Task task, int command, FutexScope scope, in SyscallArguments args, long deadlineNs)
    {
        FutexManager futexes = task.Kernel.Futexes;
        (GuestAddress, FutexScope) first = (args.Address(0), scope);
        (GuestAddress, FutexScope) second = (args.Address(4), scope);
        int value = args.Int(2);
        int value2 = args.Int(3);
        int affected = 0;
        Errno errno;
        switch (command)
        {
            case FUTEX_REQUEUE:
                errno = futexes.Requeue(task, first, second, value, value2, FutexCompare.None, 0, out affected);
                break;
            case FUTEX_CMP_REQUEUE:
                errno = futexes.Requeue(task, first, second, value, value2, FutexCompare.Value, args.UInt(5),
                    out affected);
                break;
            case FUTEX_WAKE_OP:
                errno = futexes.WakeOp(
                    task, first, second, AtLeastOne(value), AtLeastOne(value2), args.UInt(5), out affected);
                break;
            case FUTEX_WAIT_REQUEUE_PI:
                errno = futexes.WaitRequeuePi(task, first, second, args.UInt(2), deadlineNs);
                break;
            case FUTEX_CMP_REQUEUE_PI:
                errno = value != 1
                    ? Errno.EINVAL
                    : futexes.RequeuePi(task, first, second, value2, args.UInt(5), out affected);
                break;
            default:
                errno = Errno.ENOSYS;
                break;
        }

        return SyscallResult.From(errno, affected);
    }

    private static SyscallResult Wait(
        Task task, GuestAddress address, FutexScope scope, uint expected, uint bitset, long deadlineNs)
    {
        Errno errno = task.Kernel.Futexes.Wait(task, address, scope, expected, bitset, deadlineNs);
        if (errno == Errno.ERESTARTSYS && deadlineNs != long.MaxValue)
        {
            ulong scopeAndBitset = bitset | (scope == FutexScope.Shared ? SharedBit : 0);
            Restarts.FutexWait(task, deadlineNs, address, expected, scopeAndBitset);
            return Errno.ERESTART_RESTARTBLOCK;
        }

        return errno;
    }

    private static SyscallResult Wake(Task task, GuestAddress address, FutexScope scope, int count, uint bitset)
    {
        Errno errno = task.Kernel.Futexes.Wake(task, address, scope, AtLeastOne(count), bitset, out int woken);
        return SyscallResult.From(errno, woken);
    }

    /// <summary>The wake operations of futex(2) count after they woke: 0 and less wake one
    /// (kernel/futex/waitwake.c).</summary>
    private static int AtLeastOne(int count) => Math.Max(count, 1);

    /// <summary>The deadline of the commands that have one: relative for FUTEX_WAIT, else absolute, on CLOCK_REALTIME
    /// for FUTEX_LOCK_PI.</summary>
    private static Errno ReadTimeout(Task task, int command, bool isRealtime, GuestAddress address, out long deadlineNs)
    {
        deadlineNs = long.MaxValue;
        bool hasTimeout = command
            is FUTEX_WAIT or FUTEX_WAIT_BITSET or FUTEX_WAIT_REQUEUE_PI or FUTEX_LOCK_PI or FUTEX_LOCK_PI2;
        if (!hasTimeout || address.IsNull)
        {
            return Errno.None;
        }

        Errno errno = TimeValues.Read(task, address, out long ns);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (command == FUTEX_WAIT)
        {
            long now = task.Kernel.Clock.MonotonicNs;
            deadlineNs = ns > long.MaxValue - now ? long.MaxValue : now + ns;
            return Errno.None;
        }

        bool onRealtime = isRealtime || command == FUTEX_LOCK_PI;
        deadlineNs = onRealtime ? task.Kernel.Clock.RealtimeToMonotonic(ns) : ns;
        return Errno.None;
    }

    /// <summary>An optional absolute time on CLOCK_REALTIME or CLOCK_MONOTONIC.</summary>
    private static Errno ReadDeadline(Task task, GuestAddress address, int clockId, out long deadlineNs)
    {
        deadlineNs = long.MaxValue;
        if (address.IsNull)
        {
            return Errno.None;
        }

        if (clockId is not (Clocks.CLOCK_REALTIME or Clocks.CLOCK_MONOTONIC))
        {
            return Errno.EINVAL;
        }

        Errno errno = TimeValues.Read(task, address, out long ns);
        deadlineNs = clockId == Clocks.CLOCK_REALTIME ? task.Kernel.Clock.RealtimeToMonotonic(ns) : ns;
        return errno;
    }

    private static Errno ReadWaiter(
        Task task, GuestAddress array, int index, out GuestAddress address, out FutexScope scope, out uint expected)
    {
        const int WaiterBytes = 24;
        scope = FutexScope.Shared;
        Errno errno = task.Mm.Read(array.Field(index * WaiterBytes), out FutexWaitv waiter);
        address = new GuestAddress(waiter.uaddr);
        expected = (uint)waiter.val;
        if (errno != Errno.None || waiter.__reserved != 0)
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        return CheckFutex2(waiter.flags, waiter.val, out scope);
    }

    /// <summary>Only 32-bit words exist, so values and masks must fit them.</summary>
    private static Errno CheckFutex2(uint flags, ulong value, out FutexScope scope)
    {
        scope = (flags & FUTEX2_PRIVATE) != 0 ? FutexScope.Private : FutexScope.Shared;
        bool isValid = (flags & ~Futex2Flags) == 0 && (flags & FUTEX2_SIZE_MASK) == FUTEX2_SIZE_U32
            && value <= uint.MaxValue;
        return isValid ? Errno.None : Errno.EINVAL;
    }
}
