using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;
using HostOs;
using Platform;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>
/// Host threads for tasks: a few idle ones are kept, because starting one costs more than a whole fork otherwise
/// does. A task keeps its thread for life.
/// </summary>
internal sealed class TaskThreads
{
    private const int StackBytes = 512 * 1024;
    private const int MaxIdle = 16;

    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly Stack<TaskThread> _idle = new();

    /// <summary>A thread that waits for its task; null when the host gives none. <paramref name="platform"/> says how
    /// long idle threads look out for work.</summary>
    internal TaskThread? Acquire(IPlatform platform)
    {
        using (_lock.Enter())
        {
            if (_idle.TryPop(out TaskThread? idle))
            {
                return idle;
            }
        }

        TaskThread created = new(this, platform);
        try
        {
            created.Launch(StackBytes);
            return created;
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            return null;
        }
    }

    /// <summary>Takes back a thread whose task has ended, or that got none. False when enough are idle: the thread
    /// then ends.</summary>
    internal bool Return(TaskThread thread)
    {
        using (_lock.Enter())
        {
            if (_idle.Count >= MaxIdle)
            {
                return false;
            }

            _idle.Push(thread);
            return true;
        }
    }
}

/// <summary>One host thread that runs one task after another.</summary>
internal sealed class TaskThread(TaskThreads owner, IPlatform platform)
{
    private const int TokenNone = 0;
    private const int TokenStart = 1;
    private const int TokenSleeping = -1;

    // Pinned: its address is a host futex word. 128 bytes keep it off other data.
    private readonly int[] _token = GC.AllocateArray<int>(32, pinned: true);

    /// <summary>Starts that came while the thread looked out, against those that did not; begins as if one had
    /// come: a program that starts a thread often starts more.</summary>
    private int _lookOutCredit = 1;

    private Task? _task;

    internal void Launch(int stackBytes)
    {
        Thread thread = new(Loop, stackBytes) { IsBackground = true, Name = "task" };
        thread.Start();
    }

    /// <summary>Lets the thread run a task to its end.</summary>
    internal void Start(Task task)
    {
        _task = task;
        Release();
    }

    /// <summary>The task it was taken for does not come about.</summary>
    internal void Abandon()
    {
        if (!owner.Return(this))
        {
            Release();
        }
    }

    private nint TokenAddress => Marshal.UnsafeAddrOfPinnedArrayElement(_token, 0);

    private void Release()
    {
        if (Interlocked.Exchange(ref _token[0], TokenStart) == TokenSleeping)
        {
            HostFutex.WakePrivate(TokenAddress, 1);
        }
    }

    private void Loop()
    {
        do
        {
            WaitForStart();
            Task? task = _task;
            if (task is null)
            {
                return;
            }

            _task = null;
            task.Run();
        }
        while (owner.Return(this));
    }

    private void WaitForStart()
    {
        LookOut();
        while (Interlocked.CompareExchange(ref _token[0], TokenNone, TokenStart) != TokenStart)
        {
            if (Interlocked.CompareExchange(ref _token[0], TokenSleeping, TokenNone) == TokenNone)
            {
                HostFutex.WaitPrivate(TokenAddress, unchecked((uint)TokenSleeping), -1);
                Interlocked.CompareExchange(ref _token[0], TokenNone, TokenSleeping);
            }
        }
    }

    /// <summary>Looks out for a start without sleeping, as long as the platform thinks that it is worth it and the last
    /// starts say so too.</summary>
    private void LookOut()
    {
        const int MostCredit = 4;
        if (_lookOutCredit <= 0)
        {
            _lookOutCredit++;
            return;
        }

        long start = Stopwatch.GetTimestamp();
        while (platform.LookOut(start))
        {
            if (Volatile.Read(ref _token[0]) == TokenStart)
            {
                _lookOutCredit = MostCredit;
                return;
            }
        }

        _lookOutCredit = _lookOutCredit > 1 ? _lookOutCredit - 1 : -MostCredit;
    }
}
