using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Ipc;

/// <summary>One semop(2) that waits for its turn.</summary>
internal sealed class SemaphoreWaiter(Task task, Sembuf[] operations, SemaphoreUndo? undo)
{
    /// <summary>Who waits.</summary>
    public Task Task => task;

    /// <summary>What is to be done, all at once.</summary>
    public Sembuf[] Operations => operations;

    /// <summary>Where SEM_UNDO is noted.</summary>
    public SemaphoreUndo? Undo => undo;

    /// <summary>The operation that cannot be done now.</summary>
    public int BlockedBy { get; set; }

    /// <summary>EAGAIN while waiting; then the outcome. Guarded by the namespace's lock.</summary>
    public Errno Outcome { get; set; } = Errno.EAGAIN;
}

/// <summary>A set of semaphores (semget(2), ipc/sem.c). Guarded by the namespace's lock.</summary>
public sealed class SemaphoreSet : IpcObject
{
    private readonly LinkedList<SemaphoreWaiter> _waiters = new();

    /// <summary>A set of zeros.</summary>
    internal SemaphoreSet(Task creator, int key, uint mode, int count)
        : base(creator, key, mode)
    {
        Values = new ushort[count];
        LastPids = new Pid?[count];
    }

    /// <summary>Values.</summary>
    internal ushort[] Values { get; }

    /// <summary>Who changed each last.</summary>
    internal Pid?[] LastPids { get; }

    /// <summary>Last semop(2); 0 if none was.</summary>
    internal long OperationTimeNs { get; set; }

    /// <summary>Undo records that name this set.</summary>
    internal HashSet<SemaphoreUndo> Undoers { get; } = new();

    /// <summary>
    /// Does all operations or none. None, EAGAIN (one must wait: <paramref name="blockedBy"/> says which), ERANGE.
    /// </summary>
    internal Errno Try(Task task, System.ReadOnlySpan<Sembuf> operations, SemaphoreUndo? undo, out int blockedBy)
    {
        blockedBy = 0;
        Errno error = Errno.None;
        int done = 0;
        while (done < operations.Length && error == Errno.None)
        {
            error = Apply(operations[done], undo);
            blockedBy = done;
            done += error == Errno.None ? 1 : 0;
        }

        if (error != Errno.None)
        {
            Revert(operations[..done], undo);
            return error;
        }

        foreach (Sembuf operation in operations)
        {
            LastPids[operation.sem_num] = task.ThreadGroup.Identity;
        }

        return Errno.None;
    }

    internal void Enqueue(SemaphoreWaiter waiter) => _waiters.AddLast(waiter);

    internal void Dequeue(SemaphoreWaiter waiter) => _waiters.Remove(waiter);

    /// <summary>Values changed: whoever can go on does, in the order they came.</summary>
    internal void WakeReady()
    {
        bool isChanged = true;
        while (isChanged)
        {
            isChanged = false;
            LinkedListNode<SemaphoreWaiter>? node = _waiters.First;
            while (node is not null)
            {
                LinkedListNode<SemaphoreWaiter>? next = node.Next;
                SemaphoreWaiter waiter = node.Value;
                Errno error = Try(waiter.Task, waiter.Operations, waiter.Undo, out int blockedBy);
                waiter.BlockedBy = blockedBy;
                if (error != Errno.EAGAIN)
                {
                    Finish(node, error);
                    isChanged |= error == Errno.None;
                }

                node = next;
            }
        }
    }

    /// <summary>The set is gone: everybody learns.</summary>
    internal void WakeAllRemoved()
    {
        while (_waiters.First is { } node)
        {
            Finish(node, Errno.EIDRM);
        }

        foreach (SemaphoreUndo undo in Undoers)
        {
            undo.Forget(this);
        }

        Undoers.Clear();
    }

    /// <summary>GETNCNT and GETZCNT: tasks that wait for a semaphore to grow, or to become zero.</summary>
    internal int CountWaiters(int number, bool forZero)
    {
        int count = 0;
        foreach (SemaphoreWaiter waiter in _waiters)
        {
            Sembuf operation = waiter.Operations[waiter.BlockedBy];
            count += operation.sem_num == number && operation.sem_op == 0 == forZero ? 1 : 0;
        }

        return count;
    }

    /// <summary>A value set by semctl(2): undo of the semaphore is forgotten.</summary>
    internal void Set(Task task, int number, ushort value)
    {
        Values[number] = value;
        LastPids[number] = task.ThreadGroup.Identity;
        foreach (SemaphoreUndo undo in Undoers)
        {
            undo.Clear(this, number);
        }
    }

    private void Finish(LinkedListNode<SemaphoreWaiter> node, Errno outcome)
    {
        _waiters.Remove(node);
        node.Value.Outcome = outcome;
        OperationTimeNs = outcome == Errno.None ? VirtualFileSystem.NowNs : OperationTimeNs;
        node.Value.Task.Wake();
    }

    private Errno Apply(in Sembuf operation, SemaphoreUndo? undo)
    {
        ref ushort value = ref Values[operation.sem_num];
        if (operation.sem_op == 0)
        {
            return value == 0 ? Errno.None : Errno.EAGAIN;
        }

        int result = value + operation.sem_op;
        if (result < 0)
        {
            return Errno.EAGAIN;
        }

        if (result > Sem.SEMVMX)
        {
            return Errno.ERANGE;
        }

        bool isUndone = (operation.sem_flg & Sem.SEM_UNDO) != 0;
        if (isUndone && !undo!.TryAdd(this, operation.sem_num, -operation.sem_op))
        {
            return Errno.ERANGE;
        }

        value = (ushort)result;
        return Errno.None;
    }

    private void Revert(System.ReadOnlySpan<Sembuf> operations, SemaphoreUndo? undo)
    {
        for (int i = operations.Length - 1; i >= 0; i--)
        {
            Sembuf operation = operations[i];
            Values[operation.sem_num] = (ushort)(Values[operation.sem_num] - operation.sem_op);
            if ((operation.sem_flg & Sem.SEM_UNDO) != 0 && operation.sem_op != 0)
            {
                undo!.TryAdd(this, operation.sem_num, operation.sem_op);
            }
        }
    }
}

/// <summary>
/// What is given back when the last task that shares it ends (SEM_UNDO; CLONE_SYSVSEM shares). The entries are
/// guarded by the lock of the set's namespace.
/// </summary>
public sealed class SemaphoreUndo(SysVIpc owner)
{
    private readonly Dictionary<SemaphoreSet, short[]> _adjustments = new();
    private int _users = 1;

    /// <summary>One more task shares it.</summary>
    internal void AddUser() => System.Threading.Interlocked.Increment(ref _users);

    /// <summary>One task fewer; the last one's end gives everything back.</summary>
    internal void DropUser(Task task)
    {
        if (System.Threading.Interlocked.Decrement(ref _users) != 0)
        {
            return;
        }

        using (owner.Lock.Enter())
        {
            foreach ((SemaphoreSet set, short[] adjustments) in _adjustments)
            {
                GiveBack(task, set, adjustments);
            }

            _adjustments.Clear();
        }
    }

    /// <summary>Notes an adjustment; false when it would leave its range.</summary>
    internal bool TryAdd(SemaphoreSet set, int number, int adjustment)
    {
        if (!_adjustments.TryGetValue(set, out short[]? adjustments))
        {
            adjustments = new short[set.Values.Length];
            _adjustments.Add(set, adjustments);
            set.Undoers.Add(this);
        }

        int result = adjustments[number] + adjustment;
        if (result is < -Sem.SEMAEM - 1 or > Sem.SEMAEM)
        {
            return false;
        }

        adjustments[number] = (short)result;
        return true;
    }

    internal void Clear(SemaphoreSet set, int number) => _adjustments[set][number] = 0;

    internal void Forget(SemaphoreSet set) => _adjustments.Remove(set);

    private void GiveBack(Task task, SemaphoreSet set, short[] adjustments)
    {
        for (int i = 0; i < adjustments.Length; i++)
        {
            if (adjustments[i] == 0)
            {
                continue;
            }

            int value = set.Values[i] + adjustments[i];
            set.Values[i] = (ushort)System.Math.Clamp(value, 0, Sem.SEMVMX);
            set.LastPids[i] = task.ThreadGroup.Identity;
        }

        set.OperationTimeNs = VirtualFileSystem.NowNs;
        set.Undoers.Remove(this);
        set.WakeReady();
    }
}
