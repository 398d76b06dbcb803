using Abi.Linux;
using Sentry.Mm;
using static Abi.Linux.FutexOp;

namespace Sentry.Kernel;

// What the end of a thread does to futexes (kernel/futex/core.c: exit_robust_list; kernel/fork.c: mm_release).
public sealed partial class FutexManager
{
    private const ulong PiBit = 1;

    /// <summary>
    /// The task is about to lose its memory (exit, execve): robust futexes it holds are marked FUTEX_OWNER_DIED, PI
    /// words go to their waiters,
    /// and the word of CLONE_CHILD_CLEARTID is cleared and woken.
    /// </summary>
    public void ReleaseTask(Task task)
    {
        WalkRobustList(task);
        ReleasePiOf(task);
        if (!task.ClearChildTid.IsNull)
        {
            GuestAddress address = task.ClearChildTid;
            if (task.Mm.Write(address, 0) == Errno.None)
            {
                Wake(task, address, FutexScope.Shared, 1, FUTEX_BITSET_MATCH_ANY, out _);
            }
        }
    }

    private void WalkRobustList(Task task)
    {
        GuestAddress head = task.RobustList;
        if (head.IsNull || task.Mm.Read(head, out RobustListHead list) != Errno.None)
        {
            return;
        }

        ulong pending = list.list_op_pending;
        ulong entry = list.list;
        for (int i = 0; i < ROBUST_LIST_LIMIT && (entry & ~PiBit) != head.Value; i++)
        {
            bool isReadable = task.Mm.Read(new GuestAddress(entry & ~PiBit), out ulong next) == Errno.None;
            if (entry != pending && !MarkDead(task, entry, list.futex_offset))
            {
                return;
            }

            if (!isReadable)
            {
                return;
            }

            entry = next;
        }

        if (pending != 0)
        {
            MarkDead(task, pending, list.futex_offset);
        }
    }

    /// <summary>False at a bad address, which ends the walk.</summary>
    private bool MarkDead(Task task, ulong entry, long offset)
    {
        GuestAddress address = new(unchecked((entry & ~PiBit) + (ulong)offset));
        Errno errno = task.Mm.AtomicLoad32(address, out uint value);
        while (errno == Errno.None && (value & FUTEX_TID_MASK) == (uint)task.Tid)
        {
            uint expected = value;
            uint desired = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
            errno = task.Mm.AtomicCompareExchange32(address, expected, desired, out value);
            if (errno == Errno.None && value == expected)
            {
                bool wakes = (entry & PiBit) == 0 && (expected & FUTEX_WAITERS) != 0;
                if (wakes)
                {
                    Wake(task, address, FutexScope.Shared, 1, FUTEX_BITSET_MATCH_ANY, out _);
                }

                break;
            }
        }

        return errno == Errno.None;
    }
}
