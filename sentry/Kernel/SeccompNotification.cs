using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Vfs;

namespace Sentry.Kernel;

/// <summary>How far a call and its supervisor are.</summary>
internal enum NotificationStage
{
    New,
    Received,
    Answered,
}

/// <summary>A call that waits for a supervisor. Guarded by the lock of its listener.</summary>
internal sealed class SeccompNotification(Task task, SeccompData data)
{
    internal Task Task { get; } = task;

    internal SeccompData Data { get; } = data;

    internal List<SeccompAddition> Additions { get; } = [];

    internal ulong Id { get; set; }

    internal NotificationStage Stage { get; set; }

    internal long Value { get; set; }

    internal int Error { get; set; }

    internal uint Flags { get; set; }
}

/// <summary>
/// A file that a supervisor puts into the table of a caller; the caller's own thread does it, for others must not
/// change the table of a thread that borrows from it.
/// </summary>
public sealed class SeccompAddition(Task supervisor, FileDescription file, int place)
{
    private volatile bool _isDone;

    /// <summary>The file; one reference is the addition's.</summary>
    public FileDescription File { get; } = file;

    /// <summary>Descriptor to use; negative for the lowest that is free.</summary>
    public int Place { get; } = place;

    public CloseOnExec CloseOnExec { get; init; }

    /// <summary>The new descriptor is the answer to the call as well.</summary>
    public bool Answers { get; init; }

    internal bool IsDone => _isDone;

    internal Errno Result { get; private set; }

    internal int Descriptor { get; private set; }

    internal void Finish(Errno errno, int descriptor)
    {
        Result = errno;
        Descriptor = descriptor;
        _isDone = true;
        supervisor.Wake();
    }
}
