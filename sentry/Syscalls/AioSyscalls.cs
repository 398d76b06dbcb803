using System;
using Abi.Linux;
using Platform;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>io_setup(2), io_destroy(2), io_getevents(2), io_cancel(2).</summary>
public static partial class AioSyscalls
{
    /// <summary>Most requests a context may be asked for at all (fs/aio.c, ioctx_alloc).</summary>
    private const uint MaxAsked = 0x10000000 / 32;

    /// <summary>io_setup(unsigned int nr_events, aio_context_t *ctx_idp).</summary>
    public static SyscallResult Setup(Task task, in SyscallArguments args)
    {
        uint requests = args.UInt(0);
        Errno errno = task.Mm.Read(args.Address(1), out ulong old);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (old != 0 || requests is 0 or > MaxAsked)
        {
            return Errno.EINVAL;
        }

        AioContextTable contexts = task.Mm.EnsureAioContexts();
        if (!contexts.TryCharge(requests))
        {
            return Errno.EAGAIN;
        }

        errno = MapRing(task, out GuestRange ring);
        if (errno != Errno.None)
        {
            contexts.Uncharge(requests);
            return errno;
        }

        contexts.Add(ring, requests);
        errno = task.Mm.Write(args.Address(1), ring.Start);
        if (errno != Errno.None)
        {
            End(task, ring.Start);
        }

        return errno;
    }

    /// <summary>io_destroy(aio_context_t ctx_id).</summary>
    public static SyscallResult Destroy(Task task, in SyscallArguments args) => End(task, args[0]);

    /// <summary>io_getevents(ctx_id, long min_nr, long nr, struct io_event *events, struct timespec
    /// *timeout).</summary>
    public static SyscallResult GetEvents(Task task, in SyscallArguments args)
    {
        Errno errno = ReadDeadline(task, args.Address(4), out long deadlineNs);
        return errno != Errno.None ? errno : Collect(task, args, deadlineNs, Errno.EINTR);
    }

    /// <summary>io_pgetevents: as io_getevents, with a signal mask in a struct __aio_sigset.</summary>
    public static SyscallResult PGetEvents(Task task, in SyscallArguments args)
    {
        Errno errno = ReadDeadline(task, args.Address(4), out long deadlineNs);
        ulong mask = 0;
        ulong maskBytes = 0;
        if (errno == Errno.None && !args.Address(5).IsNull)
        {
            errno = task.Mm.Read(args.Address(5), out mask);
            errno = errno != Errno.None ? errno : task.Mm.Read(args.Address(5).Field(sizeof(ulong)), out maskBytes);
        }

        errno = errno != Errno.None ? errno : SignalMasks.SetTemporary(task, new GuestAddress(mask), maskBytes);
        if (errno != Errno.None)
        {
            return errno;
        }

        SyscallResult result = Collect(task, args, deadlineNs, Errno.ERESTARTNOHAND);
        if (result.Errno != Errno.ERESTARTNOHAND)
        {
            task.RestoreMask();
        }

        return result;
    }

    /// <summary>io_cancel(ctx_id, struct iocb *, struct io_event *): a request is complete once submitted, so there is
    /// none to cancel.</summary>
    public static SyscallResult Cancel(Task task, in SyscallArguments args)
    {
        Errno errno = task.Mm.Read(args.Address(1), out Iocb _);
        return errno != Errno.None ? errno : Errno.EINVAL;
    }

    /// <summary>The optional timeout, which is not checked: a negative one never comes.</summary>
    private static Errno ReadDeadline(Task task, GuestAddress address, out long deadlineNs)
    {
        deadlineNs = long.MaxValue;
        if (address.IsNull)
        {
            return Errno.None;
        }

        Errno errno = task.Mm.Read(address, out Timespec time);
        if (errno == Errno.None && time.tv_sec >= 0 && time.tv_nsec >= 0)
        {
            deadlineNs = Deadlines.After(task, TimeValues.ToNs(time.tv_sec, time.tv_nsec % TimeValues.NsPerSecond));
        }

        return errno;
    }

    private static Errno MapRing(Task task, out GuestRange ring)
    {
        const MemoryAccess Both = MemoryAccess.Read | MemoryAccess.Write;
        MapRequest request = new()
        {
            LengthBytes = GuestAddress.PageSize,
            Access = Both,
            MaxAccess = Both,
            Flags = VmaFlags.DontFork,
            Name = "/[aio] (deleted)",
        };
        Errno errno = task.Mm.Map(request, out GuestAddress address);
        ring = errno == Errno.None
            ? GuestRange.FromBounds(address.Value, address.Value + GuestAddress.PageSize) : default;
        return errno;
    }

    private static Errno End(Task task, ulong id)
    {
        AioContext? context = task.Mm.AioContexts?.Remove(id);
        if (context is null)
        {
            return Errno.EINVAL;
        }

        context.End();
        task.Mm.Unmap(new GuestAddress(context.Ring.Start), context.Ring.Length);
        return Errno.None;
    }

    private static SyscallResult Collect(Task task, in SyscallArguments args, long deadlineNs, Errno interrupted)
    {
        long least = args.Long(1);
        long most = args.Long(2);
        AioContext? context = task.Mm.AioContexts?.Find(args[0]);
        if (context is null || least > most || least < 0)
        {
            return Errno.EINVAL;
        }

        context.Queue.Add(task.Waiter);
        long done = 0;
        Errno errno = Errno.None;
        while (errno == Errno.None)
        {
            errno = TakeSome(task, context, args.Address(3), most, ref done);
            if (errno != Errno.None || done >= least || deadlineNs == 0)
            {
                break;
            }

            errno = context.IsDead ? Errno.EINVAL : task.Block(deadlineNs);
        }

        context.Queue.Remove(task.Waiter);
        errno = errno == Errno.ETIMEDOUT ? Errno.None : errno == Errno.ERESTARTSYS ? interrupted : errno;
        return SyscallResult.Partial(errno, done);
    }

    private static Errno TakeSome(Task task, AioContext context, GuestAddress events, long most, ref long done)
    {
        const ulong EventBytes = 32;
        while (done < most && context.TryTake(out IoEvent completion))
        {
            bool fits = events.TryAdd(unchecked((ulong)done * EventBytes), out GuestAddress at);
            if (!fits || task.Mm.Write(at, completion) != Errno.None)
            {
                return Errno.EFAULT;
            }

            done++;
        }

        return Errno.None;
    }
}
