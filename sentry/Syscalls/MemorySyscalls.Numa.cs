using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>Memory policies (mm/mempolicy.c) on a machine with the one node 0: they are checked and
/// remembered.</summary>
public static partial class MemorySyscalls
{
    private const ulong MaximumNodeBits = 8 * GuestAddress.PageSize;
    private const int ModeCount = Mempolicy.MPOL_WEIGHTED_INTERLEAVE + 1;

    /// <summary>set_mempolicy(2).</summary>
    public static SyscallResult SetMempolicy(Task task, in SyscallArguments args)
    {
        Errno error = ReadPolicy(task, args.Int(0), args.Address(1), args[2], out MemoryPolicy policy);
        if (error == Errno.None)
        {
            task.MemoryPolicy = policy;
        }

        return error;
    }

    /// <summary>mbind(2).</summary>
    public static SyscallResult Mbind(Task task, in SyscallArguments args)
    {
        const uint Known = Mempolicy.MPOL_MF_STRICT | Mempolicy.MPOL_MF_MOVE | Mempolicy.MPOL_MF_MOVE_ALL;
        ulong flags = args[5];
        if ((flags & ~(ulong)Known) != 0)
        {
            return Errno.EINVAL;
        }

        if ((flags & Mempolicy.MPOL_MF_MOVE_ALL) != 0 && !task.Credentials.IsCapable(Capability.CAP_SYS_NICE))
        {
            return Errno.EPERM;
        }

        Errno error = ReadPolicy(task, args.Int(2), args.Address(3), args[4], out _);
        if (error == Errno.None)
        {
            error = AlignedRange(task, args.Address(0), args[1], out GuestRange range);
            bool missing = error == Errno.None && !range.IsEmpty && !task.Mm.IsFullyMapped(range);
            error = missing ? Errno.EFAULT : error;
        }

        return error;
    }

    /// <summary>get_mempolicy(2).</summary>
    public static SyscallResult GetMempolicy(Task task, in SyscallArguments args)
    {
        const ulong Known = Mempolicy.MPOL_F_NODE | Mempolicy.MPOL_F_ADDR | Mempolicy.MPOL_F_MEMS_ALLOWED;
        ulong flags = args[4];
        GuestAddress nodes = args.Address(1);
        if ((flags & ~Known) != 0 || (!nodes.IsNull && args[2] < 1))
        {
            return Errno.EINVAL;
        }

        Errno error = DescribePolicy(task, flags, args.Address(3), out int mode, out ulong mask);
        if (error == Errno.None && !args.Address(0).IsNull)
        {
            error = task.Mm.Write(args.Address(0), mode);
        }

        if (error == Errno.None && !nodes.IsNull)
        {
            error = WriteNodes(task, nodes, args[2], mask);
        }

        return error;
    }

    /// <summary>migrate_pages(2): all pages are on the one node already.</summary>
    public static SyscallResult MigratePages(Task task, in SyscallArguments args)
    {
        Errno error = ReadNodes(task, args.Address(2), args[1], out _);
        if (error == Errno.None)
        {
            error = ReadNodes(task, args.Address(3), args[1], out ulong target);
            error = error == Errno.None && (target & ~1ul) != 0 ? Errno.EPERM : error;
        }

        if (error == Errno.None && args.Int(0) != 0)
        {
            error = OpenOther(task, args.Int(0), out MemoryManager? other);
            other?.DropUser();
        }

        return error;
    }

    /// <summary>move_pages(2): every mapped page is on node 0.</summary>
    public static SyscallResult MovePages(Task task, in SyscallArguments args)
    {
        const int Known = Mempolicy.MPOL_MF_MOVE | Mempolicy.MPOL_MF_MOVE_ALL;
        int flags = args.Int(5);
        if ((flags & ~Known) != 0)
        {
            return Errno.EINVAL;
        }

        if ((flags & Mempolicy.MPOL_MF_MOVE_ALL) != 0 && !task.Credentials.IsCapable(Capability.CAP_SYS_NICE))
        {
            return Errno.EPERM;
        }

        MemoryManager? other = task.Mm;
        other.AddUser();
        if (args.Int(0) != 0)
        {
            other.DropUser();
            Errno error = OpenOther(task, args.Int(0), out other);
            if (error != Errno.None)
            {
                return error;
            }
        }

        SyscallResult result = DescribePages(task, other!, in args);
        other!.DropUser();
        return result;
    }

    private static SyscallResult DescribePages(Task task, MemoryManager other, in SyscallArguments args)
    {
        for (ulong i = 0; i < args[1]; i++)
        {
            if (task.IsKilled)
            {
                return Errno.EINTR;
            }

            int node = 0;
            bool hasNodes = !args.Address(3).IsNull;
            bool read = args.Address(2).TryAdd(i * sizeof(ulong), out GuestAddress at)
                && task.Mm.Read(at, out ulong page) == Errno.None;
            read &= !hasNodes || (args.Address(3).TryAdd(i * sizeof(int), out GuestAddress nodeAt)
                && task.Mm.Read(nodeAt, out node) == Errno.None);
            if (!read || !args.Address(4).TryAdd(i * sizeof(int), out GuestAddress statusAt))
            {
                return Errno.EFAULT;
            }

            if (node != 0)
            {
                return Errno.ENODEV;
            }

            task.Mm.Read(at, out page);
            int status = other.PageStatus(new GuestAddress(page)) is Errno errno and not Errno.None ? -(int)errno : 0;
            if (task.Mm.Write(statusAt, status) != Errno.None)
            {
                return Errno.EFAULT;
            }
        }

        return SyscallResult.Ok;
    }

    private static Errno DescribePolicy(Task task, ulong flags, GuestAddress address, out int mode, out ulong mask)
    {
        bool node = (flags & Mempolicy.MPOL_F_NODE) != 0;
        bool byAddress = (flags & Mempolicy.MPOL_F_ADDR) != 0;
        mode = 0;
        mask = 1;
        if ((flags & Mempolicy.MPOL_F_MEMS_ALLOWED) != 0)
        {
            return node || byAddress ? Errno.EINVAL : Errno.None;
        }

        if (byAddress)
        {
            mask = 0;
            bool mapped =
                task.Mm.IsFullyMapped(GuestRange.FromBounds(address.RoundDown().Value, address.RoundDown().Value + 1));
            return mapped ? Errno.None : Errno.EFAULT;
        }

        MemoryPolicy policy = task.MemoryPolicy;
        int kind = policy.Mode & ~Mempolicy.MPOL_MODE_FLAGS;
        bool interleaved = kind is Mempolicy.MPOL_INTERLEAVE or Mempolicy.MPOL_WEIGHTED_INTERLEAVE;
        if (!address.IsNull || (node && !interleaved))
        {
            return Errno.EINVAL;
        }

        mode = node ? 0 : policy.Mode;
        mask = policy.Nodes;
        return Errno.None;
    }

    private static Errno ReadPolicy(Task task, int modeAndFlags, GuestAddress nodes, ulong bits,
        out MemoryPolicy policy)
    {
        policy = default;
        int mode = modeAndFlags & ~Mempolicy.MPOL_MODE_FLAGS;
        int flags = modeAndFlags & Mempolicy.MPOL_MODE_FLAGS;
        const int Nodes = Mempolicy.MPOL_F_STATIC_NODES | Mempolicy.MPOL_F_RELATIVE_NODES;
        bool badBalance = (flags & Mempolicy.MPOL_F_NUMA_BALANCING) != 0
            && mode is not (Mempolicy.MPOL_BIND or Mempolicy.MPOL_PREFERRED_MANY);
        if (mode < 0 || mode >= ModeCount || (flags & Nodes) == Nodes || badBalance)
        {
            return Errno.EINVAL;
        }

        Errno error = ReadNodes(task, nodes, bits, out ulong mask);
        if (error != Errno.None)
        {
            return error;
        }

        bool fits = mode switch
        {
            Mempolicy.MPOL_DEFAULT => mask == 0,
            Mempolicy.MPOL_PREFERRED => mask != 0 ? (mask & 1) != 0 : (flags & Nodes) == 0,
            Mempolicy.MPOL_LOCAL => mask == 0 && flags == 0,
            _ => (mask & 1) != 0,
        };
        bool local = mode == Mempolicy.MPOL_PREFERRED && mask == 0;
        policy = new MemoryPolicy(local ? Mempolicy.MPOL_LOCAL : modeAndFlags, mask & 1);
        return fits ? Errno.None : Errno.EINVAL;
    }

    /// <summary>A mask of nodes of which only the first 64 can be set (mm/mempolicy.c: get_nodes); <paramref
    /// name="bits"/> is one too many, as libnuma gives it.</summary>
    private static Errno ReadNodes(Task task, GuestAddress address, ulong bits, out ulong mask)
    {
        mask = 0;
        bits = unchecked(bits - 1);
        if (bits == 0 || address.IsNull)
        {
            return Errno.None;
        }

        if (bits > MaximumNodeBits)
        {
            return Errno.EINVAL;
        }

        for (ulong at = 0; at < bits; at += 64)
        {
            if (!address.TryAdd(at / 8, out GuestAddress wordAt) || task.Mm.Read(wordAt, out ulong word) != Errno.None)
            {
                return Errno.EFAULT;
            }

            ulong left = bits - at;
            word = left < 64 ? word & ((1ul << (int)left) - 1) : word;
            if (at > 0 && word != 0)
            {
                return Errno.EINVAL;
            }

            mask |= word;
        }

        return Errno.None;
    }

    private static Errno WriteNodes(Task task, GuestAddress address, ulong bits, ulong mask)
    {
        ulong bytes = (bits - 1 + 63) / 64 * 8;
        if (bytes == 0)
        {
            return Errno.None;
        }

        Errno error = task.Mm.Write(address, mask);
        if (error != Errno.None || bytes == sizeof(ulong))
        {
            return error;
        }

        return bytes <= GuestAddress.PageSize && address.TryAdd(sizeof(ulong), out GuestAddress rest)
            ? task.Mm.ZeroOut(rest, bytes - sizeof(ulong), out _)
            : Errno.EINVAL;
    }
}
