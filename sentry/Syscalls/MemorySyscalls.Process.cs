using System;
using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>process_vm_readv(2), process_vm_writev(2), membarrier(2).</summary>
public static partial class MemorySyscalls
{
    private const int InlineVector = 8;
    private const int IovecBytes = 16;

    private const int MembarrierExpedited =
        Membarrier.MEMBARRIER_CMD_PRIVATE_EXPEDITED | Membarrier.MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE;

    private const int MembarrierRegister = Membarrier.MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED
        | Membarrier.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED
        | Membarrier.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;

    private enum Direction
    {
        FromOther,
        ToOther,
    }

    /// <summary>process_vm_readv(2).</summary>
    public static SyscallResult ProcessVmReadv(Task task, in SyscallArguments args) =>
        ProcessVm(task, in args, Direction.FromOther);

    /// <summary>process_vm_writev(2).</summary>
    public static SyscallResult ProcessVmWritev(Task task, in SyscallArguments args) =>
        ProcessVm(task, in args, Direction.ToOther);

    /// <summary>
    /// membarrier(2). Every kind is answered by the host's barrier over all threads of the machine, which covers
    /// guest threads whatever process runs
    /// them; a program with one thread needs none.
    /// </summary>
    public static SyscallResult MemoryBarrier(Task task, in SyscallArguments args)
    {
        const int Global = Membarrier.MEMBARRIER_CMD_GLOBAL | Membarrier.MEMBARRIER_CMD_GLOBAL_EXPEDITED;
        int command = args.Int(0);
        if (args.UInt(1) != 0)
        {
            return Errno.EINVAL;
        }

        switch (command)
        {
            case Membarrier.MEMBARRIER_CMD_QUERY:
                return Global | MembarrierExpedited | MembarrierRegister | Membarrier.MEMBARRIER_CMD_GET_REGISTRATIONS;
            case Membarrier.MEMBARRIER_CMD_GLOBAL:
            case Membarrier.MEMBARRIER_CMD_GLOBAL_EXPEDITED:
                return HostMembarrier.Global();
            case Membarrier.MEMBARRIER_CMD_PRIVATE_EXPEDITED:
            case Membarrier.MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
                if ((task.Mm.MembarrierRegistrations & (command << 1)) == 0)
                {
                    return Errno.EPERM;
                }

                return task.Mm.UserCount == 1 ? Errno.None : HostMembarrier.Global();
            case Membarrier.MEMBARRIER_CMD_GET_REGISTRATIONS:
                return task.Mm.MembarrierRegistrations;
            default:
                bool registers = (command & MembarrierRegister) == command && int.PopCount(command) == 1;
                if (!registers)
                {
                    return Errno.EINVAL;
                }

                task.Mm.RegisterMembarrier(command);
                return SyscallResult.Ok;
        }
    }

    /// <summary>process_madvise(2): hints, and on the caller itself every advice that may be given to a part.</summary>
    public static SyscallResult ProcessMadvise(Task task, in SyscallArguments args)
    {
        if (args[4] != 0)
        {
            return Errno.EINVAL;
        }

        Span<GuestRange> inline = stackalloc GuestRange[InlineVector];
        Errno error = ReadVector(task, args.Address(1), args[2], inline, out Span<GuestRange> ranges);
        IPidFdFactory? pidFds = task.Kernel.PidFds;
        if (error != Errno.None || pidFds is null)
        {
            return pidFds is null ? Errno.EBADF : error;
        }

        error = pidFds.Get(task, args.Int(0), out Pid? pid, out _);
        if (error != Errno.None)
        {
            return error;
        }

        Task? target = pid!.ThreadGroup?.Leader;
        MemoryManager? other = target?.AcquireMm();
        if (other is null)
        {
            return Errno.ESRCH;
        }

        SyscallResult result = AdviseOther(task, target!, other, ranges, args.Int(3));
        other.DropUser();
        return result;
    }

    private static SyscallResult AdviseOther(
        Task task, Task target, MemoryManager other, ReadOnlySpan<GuestRange> ranges, int advice)
    {
        bool self = ReferenceEquals(other, task.Mm);
        bool hint = advice is Mman.MADV_COLD or Mman.MADV_PAGEOUT or Mman.MADV_WILLNEED or Mman.MADV_COLLAPSE;
        if (!self)
        {
            Errno access = PtraceAccess.Check(task, target, PtraceCredentials.FileSystem);
            if (access != Errno.None)
            {
                return Errno.EACCES;
            }

            if (!hint || !task.Credentials.IsCapable(Capability.CAP_SYS_NICE))
            {
                return hint ? Errno.EPERM : Errno.EINVAL;
            }
        }

        ulong done = 0;
        foreach (GuestRange range in ranges)
        {
            SyscallResult result = Advise(task, other, new GuestAddress(range.Start), range.Length, advice);
            if (result.IsError)
            {
                return SyscallResult.Partial(result.Errno, (long)done);
            }

            done += range.Length;
        }

        return (long)done;
    }

    private static SyscallResult ProcessVm(Task task, in SyscallArguments args, Direction direction)
    {
        if (args[5] != 0)
        {
            return Errno.EINVAL;
        }

        Span<GuestRange> inlineLocal = stackalloc GuestRange[InlineVector];
        Span<GuestRange> inlineRemote = stackalloc GuestRange[InlineVector];
        Errno error = ReadVector(task, args.Address(1), args[2], inlineLocal, out Span<GuestRange> local);
        if (error != Errno.None)
        {
            return error;
        }

        error = ReadVector(task, args.Address(3), args[4], inlineRemote, out Span<GuestRange> remote);
        if (error != Errno.None || local.IsEmpty || remote.IsEmpty)
        {
            return error;
        }

        error = OpenOther(task, args.Int(0), out MemoryManager? other);
        if (error != Errno.None)
        {
            return error;
        }

        IoSequence sequence = IoSequence.FromGuest(task.Mm, local);
        SyscallResult result = MoveAll(other!, ref sequence, remote, direction);
        other!.DropUser();
        return result;
    }

    private static SyscallResult MoveAll(
        MemoryManager other, ref IoSequence sequence, ReadOnlySpan<GuestRange> remote, Direction direction)
    {
        long total = 0;
        foreach (GuestRange range in remote)
        {
            long done;
            Errno error = direction == Direction.FromOther
                ? other.ReadInto(range, ref sequence, out done)
                : other.WriteFrom(range, ref sequence, out done);
            total += done;
            if (error != Errno.None)
            {
                return SyscallResult.Partial(error, total);
            }
        }

        return total;
    }

    private static Errno OpenOther(Task task, int pid, out MemoryManager? other)
    {
        other = null;
        Task? target = task.PidNamespace.FindTask(pid);
        if (target is null)
        {
            return Errno.ESRCH;
        }

        Errno error = PtraceAccess.Check(task, target, PtraceCredentials.Real);
        if (error != Errno.None)
        {
            return error;
        }

        other = target.AcquireMm();
        return other is null ? Errno.ESRCH : Errno.None;
    }

    private static Errno ReadVector(
        Task task, GuestAddress address, ulong count, Span<GuestRange> buffer, out Span<GuestRange> ranges)
    {
        ranges = default;
        if (count > Uio.UIO_MAXIOV)
        {
            return Errno.EINVAL;
        }

        Span<GuestRange> all = count <= (ulong)buffer.Length ? buffer[..(int)count] : new GuestRange[count];
        for (int i = 0; i < all.Length; i++)
        {
            if (!address.TryAdd((ulong)i * IovecBytes, out GuestAddress at)
                || task.Mm.Read(at, out Iovec entry) != Errno.None)
            {
                return Errno.EFAULT;
            }

            if (entry.iov_len > long.MaxValue)
            {
                return Errno.EINVAL;
            }

            if (!GuestRange.TryCreate(new GuestAddress(entry.iov_base), entry.iov_len, out all[i]))
            {
                return Errno.EFAULT;
            }
        }

        ranges = all;
        return Errno.None;
    }
}
