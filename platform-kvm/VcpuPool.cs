using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Platform.Kvm;

/// <summary>
/// vCPUs, made as they are needed up to a limit and given to threads for one switch each. A context gets the one it had
/// before if it can: that still holds its floating-point state. When all are taken, the runs of others are cut short.
/// </summary>
internal sealed class VcpuPool : IDisposable
{
    /// <summary>How long a thread waits before it has another's run cut short.</summary>
    private const int PatienceMs = 5;

    /// <summary>Looks at a vCPU that is being driven out before it is kicked again.</summary>
    private const int LooksPerKick = 1000;

    private readonly Func<int, Vcpu?> _make;
    private readonly int _limit;
    private readonly int _residentLimit;
    private readonly int _processId = HostUnistd.GetPid();
    private readonly object _gate = new();

    /// <summary>All vCPUs; replaced, never changed, under the lock.</summary>
    private Vcpu[] _all = [];

    /// <summary>Those nobody holds, the last used on top; guarded by <see cref="_gate"/>.</summary>
    private readonly Vcpu[] _free;
    private int _freeCount;

    /// <summary>Threads are served in the order of their tickets; guarded by <see cref="_gate"/>.</summary>
    private long _nextTicket;
    private long _serving;

    private int _nextVictim;

    /// <summary>vCPUs for threads that stay in ring 0, which nobody has; guarded by <see cref="_gate"/>.</summary>
    private readonly Stack<Vcpu> _residents = new();
    private int _residentCount;

    /// <param name="make">Makes the vCPU with an identifier; null when the host refuses.</param>
    /// <param name="limit">Most vCPUs that are given for a switch.</param>
    /// <param name="residentLimit">Most vCPUs that are given for good.</param>
    public VcpuPool(Func<int, Vcpu?> make, int limit, int residentLimit)
    {
        _make = make;
        _limit = limit;
        _residentLimit = residentLimit;
        _free = new Vcpu[limit];
    }

    /// <summary>Number of vCPUs made.</summary>
    public int Count => _all.Length;

    /// <summary>
    /// Takes a vCPU for a context and brings the context's floating-point state to it. Null when the host makes none.
    /// </summary>
    public Vcpu? Take(PooledContext context)
    {
        lock (_gate)
        {
            long ticket = _nextTicket++;
            while (ticket != _serving || !EnsureFreeLocked())
            {
                if (_all.Length == _residentCount && ticket == _serving)
                {
                    ServeNextLocked();
                    return null;
                }
                if (!Monitor.Wait(_gate, PatienceMs) && ticket == _serving)
                {
                    PreemptNextLocked();
                }
            }
            Vcpu vcpu = TakeFreeLocked(context.FpVcpu);
            ServeNextLocked();
            vcpu.Hold(context.ThreadId);
            return MoveFpStateLocked(vcpu, context) ? vcpu : null;
        }
    }

    /// <summary>Gives a vCPU back. The floating-point state stays in it until it is needed elsewhere.</summary>
    public void Return(Vcpu vcpu)
    {
        lock (_gate)
        {
            _free[_freeCount++] = vcpu;
            if (_nextTicket != _serving)
            {
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>
    /// A vCPU that one thread keeps, to stay in ring 0 of it; null when there is none to be had.
    /// <paramref name="prepare"/> makes a new one fit for that.
    /// </summary>
    public Vcpu? TakeResident(Func<Vcpu, Errno> prepare)
    {
        lock (_gate)
        {
            if (_residents.TryPop(out Vcpu? known))
            {
                return known;
            }
            if (_residentCount == _residentLimit || _make(_all.Length) is not { } made)
            {
                return null;
            }
            if (prepare(made) != Errno.None)
            {
                made.Dispose();
                return null;
            }
            _residentCount++;
            Volatile.Write(ref _all, [.. _all, made]);
            return made;
        }
    }

    /// <summary>Takes back what <see cref="TakeResident"/> gave. Its thread is in host mode.</summary>
    public void ReturnResident(Vcpu vcpu)
    {
        lock (_gate)
        {
            _residents.Push(vcpu);
        }
    }

    /// <summary>Brings the floating-point state of a context that does not run back to the context.</summary>
    public void FetchFpState(PooledContext context)
    {
        lock (_gate)
        {
            if (context.FpVcpu is { } vcpu)
            {
                vcpu.SaveFpState(context.FpState);
                vcpu.FpOwner = null;
                context.FpVcpu = null;
            }
        }
    }

    /// <summary>Forgets the floating-point state of a context that does not run.</summary>
    public void DropFpState(PooledContext context)
    {
        lock (_gate)
        {
            if (context.FpVcpu is { } vcpu)
            {
                vcpu.FpOwner = null;
                context.FpVcpu = null;
            }
        }
    }

    /// <summary>Adds up what vCPUs that threads stay in have counted.</summary>
    public void CountLeaves(LeaveCounts counts)
    {
        foreach (Vcpu vcpu in Volatile.Read(ref _all))
        {
            if (vcpu.IsResident)
            {
                vcpu.Count(counts);
            }
            else
            {
                counts.Exits += vcpu.Exits;
            }
        }
    }

    /// <summary>Kicks a vCPU.</summary>
    public void Kick(Vcpu vcpu) => vcpu.Kick(_processId);

    /// <summary>When this returns, no vCPU runs guest code of the address space, unless it came in since.</summary>
    public void DriveOut(KvmAddressSpace space)
    {
        foreach (Vcpu vcpu in Volatile.Read(ref _all))
        {
            for (int looks = 0; vcpu.IsIn(space); looks++)
            {
                if (looks % LooksPerKick == 0)
                {
                    vcpu.Kick(_processId);
                }
                HostSched.Yield();
            }
        }
    }

    public void Dispose()
    {
        foreach (Vcpu vcpu in _all)
        {
            vcpu.Dispose();
        }
    }

    private void PreemptNextLocked()
    {
        do
        {
            _nextVictim = (_nextVictim + 1) % _all.Length;
        }
        while (_all[_nextVictim].IsResident);
        _all[_nextVictim].Preempt(_processId);
    }

    private bool EnsureFreeLocked()
    {
        if (_freeCount == 0 && _all.Length - _residentCount < _limit && _make(_all.Length) is { } made)
        {
            Volatile.Write(ref _all, [.. _all, made]);
            _free[_freeCount++] = made;
        }
        return _freeCount > 0;
    }

    private void ServeNextLocked()
    {
        _serving++;
        if (_nextTicket != _serving)
        {
            Monitor.PulseAll(_gate);
        }
    }

    private Vcpu TakeFreeLocked(Vcpu? wanted)
    {
        int index = wanted is null ? -1 : Array.IndexOf(_free, wanted, 0, _freeCount);
        for (int i = 0; index < 0 && i < _freeCount; i++)
        {
            index = _free[i].FpOwner is null ? i : index;
        }
        index = index < 0 ? _freeCount - 1 : index;
        Vcpu vcpu = _free[index];
        _free[index] = _free[--_freeCount];
        return vcpu;
    }

    private bool MoveFpStateLocked(Vcpu vcpu, PooledContext context)
    {
        PooledContext? owner = vcpu.FpOwner;
        if (owner == context)
        {
            return true;
        }
        if (owner is not null)
        {
            vcpu.SaveFpState(owner.FpState);
            owner.FpVcpu = null;
        }
        vcpu.FpOwner = null;
        if (vcpu.LoadFpState(context.FpState) != Errno.None)
        {
            _free[_freeCount++] = vcpu;
            return false;
        }
        vcpu.FpOwner = context;
        context.FpVcpu = vcpu;
        return true;
    }
}
