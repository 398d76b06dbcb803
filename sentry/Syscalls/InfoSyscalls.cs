using System;
using System.Runtime.CompilerServices;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Loader;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>What the system is: uname(2), sysinfo(2), getrandom(2), syslog(2), and the few ways to change it.</summary>
public static class InfoSyscalls
{
    private const int RandomChunkBytes = 256;

    /// <summary>The kernel log: one line.</summary>
    private static readonly byte[] s_log = Encoding.Latin1.GetBytes("<5>[    0.000000] " + KernelVersion.Banner + "\n");

    /// <summary>uname(2).</summary>
    public static SyscallResult Uname(Task task, in SyscallArguments args)
    {
        UtsNamespace uts = task.Namespaces.Uts;
        const int FieldBytes = Abi.Linux.Uts.__NEW_UTS_LEN + 1;
        Span<byte> result = stackalloc byte[6 * FieldBytes];
        result.Clear();
        Put(result, KernelVersion.SystemName);
        Put(result[FieldBytes..], uts.HostName);
        Put(result[(2 * FieldBytes)..], KernelVersion.Release);
        Put(result[(3 * FieldBytes)..], KernelVersion.Version);
        Put(result[(4 * FieldBytes)..], KernelVersion.Machine);
        Put(result[(5 * FieldBytes)..], uts.DomainName);
        return task.Mm.CopyOut(args.Address(0), result);
    }

    /// <summary>sethostname(2).</summary>
    public static SyscallResult SetHostName(Task task, in SyscallArguments args)
    {
        Errno errno = ReadName(task, args, out string name);
        if (errno == Errno.None)
        {
            task.Namespaces.Uts.HostName = name;
        }

        return errno;
    }

    /// <summary>setdomainname(2).</summary>
    public static SyscallResult SetDomainName(Task task, in SyscallArguments args)
    {
        Errno errno = ReadName(task, args, out string name);
        if (errno == Errno.None)
        {
            task.Namespaces.Uts.DomainName = name;
        }

        return errno;
    }

    /// <summary>sysinfo(2).</summary>
    public static SyscallResult SysInfo(Task task, in SyscallArguments args)
    {
        const long NsPerSecond = 1_000_000_000;
        GuestKernel kernel = task.Kernel;
        MemoryFile memory = task.ThreadGroup.Scope.Memory.Smaller;
        ulong total = memory.LimitBytes;
        ulong used = Math.Min(memory.UsedBytes + memory.KernelBytes, total);
        Sysinfo info = new()
        {
            uptime = kernel.Clock.BootNs / NsPerSecond,
            totalram = total,
            freeram = total - used,
            procs = (ushort)Math.Min(kernel.TaskCount, ushort.MaxValue),
            mem_unit = 1,
        };
        return task.Mm.Write(args.Address(0), info);
    }

    /// <summary>getrandom(2): buffer, length, flags. A large request may end early at a signal.</summary>
    public static SyscallResult GetRandom(Task task, in SyscallArguments args)
    {
        const uint Known = Grnd.GRND_NONBLOCK | Grnd.GRND_RANDOM | Grnd.GRND_INSECURE;
        uint flags = args.UInt(2);
        bool both = (flags & Grnd.GRND_RANDOM) != 0 && (flags & Grnd.GRND_INSECURE) != 0;
        if ((flags & ~Known) != 0 || both)
        {
            return Errno.EINVAL;
        }

        long length = (long)Math.Min(args[1], int.MaxValue);
        Span<byte> chunk = stackalloc byte[RandomChunkBytes];
        long done = 0;
        while (done < length && (done == 0 || !task.HasPendingInterrupt))
        {
            Span<byte> part = chunk[..(int)Math.Min(RandomChunkBytes, length - done)];
            GuestRandom.Fill(part);
            Errno errno = task.Mm.CopyOutPartial(new GuestAddress(unchecked(args[0] + (ulong)done)), part,
                out int copied);
            done += copied;
            if (errno != Errno.None)
            {
                return SyscallResult.Partial(errno, done);
            }
        }

        return done;
    }

    /// <summary>personality(2): the old one; all ones only asks.</summary>
    public static SyscallResult SetPersonality(Task task, in SyscallArguments args)
    {
        uint old = task.Personality;
        if (args.UInt(0) != uint.MaxValue)
        {
            task.SetPersonality(args.UInt(0));
        }

        return (long)old;
    }

    /// <summary>syslog(2): type, buffer, length. The log holds one line.</summary>
    public static SyscallResult Syslog(Task task, in SyscallArguments args)
    {
        const int ReadAll = 3;
        const int ConsoleLevel = 8;
        const int SizeUnread = 9;
        const int SizeBuffer = 10;
        int type = args.Int(0);
        int length = args.Int(2);
        ReadOnlySpan<byte> log = s_log;
        bool needsRight = type is not (ReadAll or SizeBuffer);
        if (needsRight && !task.Credentials.IsCapable(Capability.CAP_SYSLOG))
        {
            return Errno.EPERM;
        }

        switch (type)
        {
            case 0 or 1 or 5 or 6 or 7:
                return SyscallResult.Ok;
            case 2 or ReadAll or 4 when args.Address(1).IsNull || length < 0:
                return Errno.EINVAL;
            case ReadAll or 4:
                log = log[Math.Max(0, log.Length - length)..];
                return SyscallResult.From(task.Mm.CopyOut(args.Address(1), log), log.Length);
            case 2:
                return SyscallResult.Ok;
            case ConsoleLevel:
                return length is < 1 or > 8 ? Errno.EINVAL : SyscallResult.Ok;
            case SizeUnread:
                return SyscallResult.Ok;
            case SizeBuffer:
                return log.Length;
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>reboot(2): ends the caller's PID namespace as if its init had been killed (kernel/pid_namespace.c,
    /// reboot_pid_ns).</summary>
    public static SyscallResult RebootSystem(Task task, in SyscallArguments args)
    {
        uint second = args.UInt(1);
        bool magic = args.UInt(0) == Reboot.LINUX_REBOOT_MAGIC1
            && second is Reboot.LINUX_REBOOT_MAGIC2 or Reboot.LINUX_REBOOT_MAGIC2A
                or Reboot.LINUX_REBOOT_MAGIC2B or Reboot.LINUX_REBOOT_MAGIC2C;
        if (!task.Credentials.HasCapability(Capability.CAP_SYS_BOOT, task.PidNamespace.Owner))
        {
            return Errno.EPERM;
        }

        int signal = args.UInt(2) switch
        {
            Reboot.LINUX_REBOOT_CMD_RESTART or Reboot.LINUX_REBOOT_CMD_RESTART2 => Signals.SIGHUP,
            Reboot.LINUX_REBOOT_CMD_HALT or Reboot.LINUX_REBOOT_CMD_POWER_OFF => Signals.SIGINT,
            _ => 0,
        };
        if (!magic || signal == 0)
        {
            return Errno.EINVAL;
        }

        task.PidNamespace.Init!.BeginGroupExit(WaitStatus.Signaled(signal));
        return SyscallResult.Ok;
    }

    /// <summary>kcmp(2): pid1, pid2, type, index1, index2. 0 equal, 1 less, 2 greater.</summary>
    public static SyscallResult KernelCompare(Task task, in SyscallArguments args)
    {
        Task? first = task.PidNamespace.FindTask(args.Int(0));
        Task? second = task.PidNamespace.FindTask(args.Int(1));
        if (first is null || second is null)
        {
            return Errno.ESRCH;
        }

        if (!task.MayInspect(first) || !task.MayInspect(second))
        {
            return Errno.EPERM;
        }

        switch (args.Int(2))
        {
            case Kcmp.KCMP_FILE:
                return CompareFiles(task, first, second, args.Int(3), args.Int(4));
            case Kcmp.KCMP_VM:
                return Order(first.PeekMmIdentity(), second.PeekMmIdentity());
            case Kcmp.KCMP_FILES:
                return Order(first.PeekFdTable(), second.PeekFdTable());
            case Kcmp.KCMP_FS:
                return Order(first.PeekFsContext(), second.PeekFsContext());
            case Kcmp.KCMP_SIGHAND:
                return Order(first.ThreadGroup.Handlers, second.ThreadGroup.Handlers);
            case Kcmp.KCMP_IO or Kcmp.KCMP_SYSVSEM:
                return Order(first, second);
            default:
                return Errno.EINVAL;
        }
    }

    private static SyscallResult CompareFiles(Task task, Task first, Task second, int firstFd, int secondFd)
    {
        FileDescription? left = first.PeekFdTable()?.Get(firstFd);
        FileDescription? right = second.PeekFdTable()?.Get(secondFd);
        SyscallResult result = left is null || right is null ? Errno.EBADF : Order(left, right);
        left?.DropReference(task);
        right?.DropReference(task);
        return result;
    }

    /// <summary>Some order that stays the same while both objects live; 3: different without an order.</summary>
    private static SyscallResult Order(object? left, object? right)
    {
        if (ReferenceEquals(left, right))
        {
            return 0;
        }

        int difference = RuntimeHelpers.GetHashCode(left).CompareTo(RuntimeHelpers.GetHashCode(right));
        return difference < 0 ? 1 : difference > 0 ? 2 : 3;
    }

    private static Errno ReadName(Task task, in SyscallArguments args, out string name)
    {
        name = "";
        int length = args.Int(1);
        if (!task.Credentials.HasCapability(Capability.CAP_SYS_ADMIN, task.Namespaces.Uts.Owner))
        {
            return Errno.EPERM;
        }

        if (length is < 0 or > UtsNamespace.MaxNameBytes)
        {
            return Errno.EINVAL;
        }

        Span<byte> bytes = stackalloc byte[length];
        Errno errno = task.Mm.CopyIn(args.Address(0), bytes);
        int end = bytes.IndexOf((byte)0);
        name = Encoding.Latin1.GetString(end < 0 ? bytes : bytes[..end]);
        return errno;
    }

    private static void Put(Span<byte> field, string text) => Encoding.Latin1.GetBytes(text, field);
}
