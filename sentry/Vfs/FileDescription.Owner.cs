using System.Threading;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Signal-driven I/O (fcntl(2) F_SETOWN, F_SETSIG, O_ASYNC).</summary>
public abstract partial class FileDescription
{
    private SignalReceiver? _signalReceiver;
    private AsyncEntry? _asyncEntry;

    /// <summary>Receiver of SIGIO and SIGURG; null for none.</summary>
    public SignalReceiver? SignalReceiver
    {
        get => Volatile.Read(ref _signalReceiver);
        internal set => Volatile.Write(ref _signalReceiver, value);
    }

    /// <summary>Signal sent instead of SIGIO; 0 for SIGIO without siginfo.</summary>
    public int SignalNumber { get; internal set; }

    /// <summary>
    /// Starts or stops the signals of O_ASYNC; <paramref name="fd"/> is what si_fd will say. ENOTTY for files that
    /// never signal.
    /// </summary>
    internal Errno SetAsynchronous(GuestKernel kernel, int fd, AsyncSignals wanted)
    {
        if (WaitQueue is not { } queue)
        {
            return Errno.ENOTTY;
        }

        AsyncEntry? old = Interlocked.Exchange(ref _asyncEntry, null);
        if (old is not null)
        {
            queue.Remove(old);
        }

        if (wanted == AsyncSignals.On)
        {
            ReportEveryEvent();
            AsyncEntry made = new(kernel, this, fd);
            if (Interlocked.CompareExchange(ref _asyncEntry, made, null) is null)
            {
                queue.Add(made);
            }
        }

        return Errno.None;
    }

    /// <summary>
    /// From now on the wait queue must hear of every event, also of those that change nothing for a poller (kill_fasync
    /// has no such condition).
    /// </summary>
    protected virtual void ReportEveryEvent()
    {
    }

    private void StopAsynchronous()
    {
        if (Interlocked.Exchange(ref _asyncEntry, null) is { } entry)
        {
            WaitQueue?.Remove(entry);
        }
    }

    /// <summary>Stands on the file's queue and hands events to the thread that sends signals.</summary>
    private sealed class AsyncEntry : WaitEntry
    {
        private readonly GuestKernel _kernel;
        private readonly FileDescription _file;
        private readonly int _fd;

        internal AsyncEntry(GuestKernel kernel, FileDescription file, int fd)
        {
            _kernel = kernel;
            _file = file;
            _fd = fd;
        }

        /// <inheritdoc/>
        public override bool OnNotify(uint events)
        {
            if (_file.SignalReceiver is { } receiver)
            {
                _kernel.Vfs.IoSignals.Post(new IoSignal(receiver, _file.SignalNumber, _fd, events));
            }

            return false;
        }
    }
}

/// <summary>O_ASYNC on or off.</summary>
internal enum AsyncSignals
{
    Off,
    On,
}
