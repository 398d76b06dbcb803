using System;
using System.Collections.Generic;
using System.Threading;
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

    /// <summary>A thread that waits for its task; null when the host gives none.</summary>
    internal TaskThread? Acquire()
    {
        using (_lock.Enter())
        {
            if (_idle.TryPop(out TaskThread? idle))
            {
                return idle;
            }
        }

        TaskThread created = new(this);
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
internal sealed class TaskThread(TaskThreads owner)
{
    private readonly SemaphoreSlim _start = new(0);
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
        _start.Release();
    }

    /// <summary>The task it was taken for does not come about.</summary>
    internal void Abandon()
    {
        if (!owner.Return(this))
        {
            _start.Release();
        }
    }

    private void Loop()
    {
        do
        {
            _start.Wait();
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
}
