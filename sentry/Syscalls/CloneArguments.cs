using System;
using System.Buffers.Binary;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>Reads and checks struct clone_args (clone3(2); kernel/fork.c, copy_clone_args_from_user and
/// clone3_args_valid).</summary>
internal static class CloneArguments
{
    private const ulong LegacyFlags = 0xffffffff;

    /// <summary>Reads <paramref name="sizeBytes"/> bytes (at least version 0). EFAULT, EINVAL, E2BIG (unknown fields
    /// in use), EPERM.</summary>
    internal static Errno Read(Task task, GuestAddress address, int sizeBytes, out CloneRequest request)
    {
        request = default;
        Span<byte> bytes = sizeBytes <= Sched.CLONE_ARGS_SIZE_VER2 ? stackalloc byte[Sched.CLONE_ARGS_SIZE_VER2]
            : new byte[sizeBytes];
        Errno errno = task.Mm.CopyIn(address, bytes[..sizeBytes]);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (bytes[Sched.CLONE_ARGS_SIZE_VER2..].ContainsAnyExcept((byte)0))
        {
            return Errno.E2BIG;
        }

        CloneArgs args = Decode(bytes);
        errno = Check(args, sizeBytes);
        errno = errno != Errno.None ? errno : ReadWantedIds(task, args, out request.WantedIds);
        request.Flags = args.flags;
        request.ExitSignal = (int)args.exit_signal;
        request.StackTop = new GuestAddress(args.stack == 0 ? 0 : unchecked(args.stack + args.stack_size));
        request.ParentTid = new GuestAddress(args.parent_tid);
        request.ChildTid = new GuestAddress(args.child_tid);
        request.PidFd = new GuestAddress(args.pidfd);
        request.ThreadPointer = args.tls;
        return errno;
    }

    private static CloneArgs Decode(ReadOnlySpan<byte> bytes) => new()
    {
        flags = Word(bytes, 0),
        pidfd = Word(bytes, 1),
        child_tid = Word(bytes, 2),
        parent_tid = Word(bytes, 3),
        exit_signal = Word(bytes, 4),
        stack = Word(bytes, 5),
        stack_size = Word(bytes, 6),
        tls = Word(bytes, 7),
        set_tid = Word(bytes, 8),
        set_tid_size = Word(bytes, 9),
        cgroup = Word(bytes, 10),
    };

    private static ulong Word(ReadOnlySpan<byte> bytes, int index) =>
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[(index * sizeof(ulong))..]);

    private static Errno Check(in CloneArgs args, int sizeBytes)
    {
        const ulong Known = LegacyFlags | Sched.CLONE_CLEAR_SIGHAND | Sched.CLONE_INTO_CGROUP;
        const ulong Forbidden = Sched.CLONE_DETACHED | (Sched.CSIGNAL & ~Sched.CLONE_NEWTIME);
        bool badSet = args.set_tid_size > PidNamespace.MaxLevel || (args.set_tid == 0) != (args.set_tid_size == 0);
        bool badSignal = args.exit_signal > Signals.NSIG
            || ((args.flags & (Sched.CLONE_THREAD | Sched.CLONE_PARENT)) != 0 && args.exit_signal != 0);
        bool badFlags = (args.flags & ~Known) != 0 || (args.flags & Forbidden) != 0;
        bool badStack = (args.stack == 0) != (args.stack_size == 0);
        if (badSet || badSignal || badFlags || badStack)
        {
            return Errno.EINVAL;
        }

        if ((args.flags & Sched.CLONE_INTO_CGROUP) == 0)
        {
            return Errno.None;
        }

        // There are no cgroup descriptors to clone into.
        return args.cgroup > int.MaxValue || sizeBytes < Sched.CLONE_ARGS_SIZE_VER2 ? Errno.EINVAL : Errno.EBADF;
    }

    /// <summary>clone3's set_tid: wanted ids from the innermost namespace outwards; each namespace must be the
    /// caller's to administer.</summary>
    private static Errno ReadWantedIds(Task task, in CloneArgs args, out int[]? ids)
    {
        ids = null;
        if (args.set_tid_size == 0)
        {
            return Errno.None;
        }

        PidNamespace? space = task.Namespaces.PidForChildren;
        if (args.set_tid_size > (ulong)space.Level + 1)
        {
            return Errno.EINVAL;
        }

        int[] result = new int[args.set_tid_size];
        for (int i = 0; i < result.Length; i++)
        {
            Errno errno = task.Mm.Read(new GuestAddress(unchecked(args.set_tid + (ulong)(i * sizeof(int)))),
                out result[i]);
            if (errno != Errno.None)
            {
                return errno;
            }

            if (!task.Credentials.HasCapability(Capability.CAP_SYS_ADMIN, space!.Owner)
                && !task.Credentials.HasCapability(Capability.CAP_CHECKPOINT_RESTORE, space.Owner))
            {
                return Errno.EPERM;
            }

            space = space.Parent;
        }

        ids = result;
        return Errno.None;
    }
}
