using System.Diagnostics;

namespace Sentry.Kernel;

/// <summary>The tasks of one thread group, leader first. The links are in the tasks, so that entering and leaving cost
/// the same however many there are.</summary>
internal sealed class TaskList
{
    private Task? _first;
    private Task? _last;

    /// <summary>Number of tasks.</summary>
    internal int Count { get; private set; }

    /// <summary>The task at the head; null when there is none.</summary>
    internal Task? First => _first;

    /// <summary>The task after this one, the first one after the last.</summary>
    internal Task After(Task task) => task.NextInGroup ?? _first!;

    internal void AddFirst(Task task)
    {
        Debug.Assert(task.NextInGroup is null && task.PreviousInGroup is null, "already on a list");
        task.NextInGroup = _first;
        if (_first is null)
        {
            _last = task;
        }
        else
        {
            _first.PreviousInGroup = task;
        }

        _first = task;
        Count++;
    }

    internal void AddLast(Task task)
    {
        Debug.Assert(task.NextInGroup is null && task.PreviousInGroup is null, "already on a list");
        task.PreviousInGroup = _last;
        if (_last is null)
        {
            _first = task;
        }
        else
        {
            _last.NextInGroup = task;
        }

        _last = task;
        Count++;
    }

    /// <summary>Takes off a task that is on this list.</summary>
    internal void Remove(Task task)
    {
        if (task.PreviousInGroup is null)
        {
            _first = task.NextInGroup;
        }
        else
        {
            task.PreviousInGroup.NextInGroup = task.NextInGroup;
        }

        if (task.NextInGroup is null)
        {
            _last = task.PreviousInGroup;
        }
        else
        {
            task.NextInGroup.PreviousInGroup = task.PreviousInGroup;
        }

        task.NextInGroup = null;
        task.PreviousInGroup = null;
        Count--;
    }

    /// <summary>Walks from the first to the last; the list must not change meanwhile.</summary>
    public Walk GetEnumerator() => new(_first);

    /// <summary>One walk over the list.</summary>
    internal struct Walk
    {
        private Task? _next;

        internal Walk(Task? first) => _next = first;

        /// <summary>The task the walk is at.</summary>
        public Task Current { get; private set; } = null!;

        /// <summary>Goes on; false at the end.</summary>
        public bool MoveNext()
        {
            if (_next is null)
            {
                return false;
            }

            Current = _next;
            _next = _next.NextInGroup;
            return true;
        }
    }
}
