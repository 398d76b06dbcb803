using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading;
using HostOs;

namespace Runsc.Boot;

/// <summary>
/// The debug log: one line per event with milliseconds since the launcher's main. Does nothing without a descriptor.
/// </summary>
/// <param name="fd">Where lines go, or -1.</param>
/// <param name="start">Time stamp of the launcher's main: all processes of a host share the clock.</param>
/// <param name="level">What is written.</param>
internal sealed class DebugLog(int fd, long start, LogLevel level = LogLevel.Info)
{
    private const double NsPerMillisecond = 1e6;

    private readonly long _start = start;
    private int _fd = fd;

    /// <summary>Time stamp of the last step; steps are one thread's after the other.</summary>
    private long _lastStep = start;

    /// <summary>True when lines go anywhere.</summary>
    internal bool IsOpen => Volatile.Read(ref _fd) >= 0;

    /// <summary>What is written besides the trace.</summary>
    internal LogLevel Level { get; set; } = level;

    private bool Takes(LogLevel level) => IsOpen && level <= Level;

    /// <summary>From now on lines go to another descriptor, which is taken. The old one stays open: somebody may be
    /// writing to it.</summary>
    internal void Redirect(HostFd target)
    {
        Volatile.Write(ref _fd, target.Release());
        Level = Level < LogLevel.Info ? LogLevel.Info : Level;
    }

    /// <summary>A line of the trace, which is written even where nothing else is.</summary>
    internal void Trace(string line)
    {
        if (IsOpen)
        {
            WriteAt(Stopwatch.GetTimestamp(), line);
        }
    }

    /// <summary>A step of the start or the end is done: writes when, and what it took since the step before.</summary>
    internal void Step(string name) => Step(name, Stopwatch.GetTimestamp());

    /// <summary>As <see cref="Step(string)"/>, of a moment noted before.</summary>
    internal void Step(string name, long moment)
    {
        if (Takes(LogLevel.Info))
        {
            double tookMs = Stopwatch.GetElapsedTime(_lastStep, moment).TotalMilliseconds;
            _lastStep = moment;
            WriteAt(moment, "timeline +" + tookMs.ToString("F2", CultureInfo.InvariantCulture) + " " + name);
        }
    }

    /// <summary>As <see cref="Step(string, long)"/>, of a process's beginning: with what it had taken of the processors
    /// by then.</summary>
    internal void Begin(string name, long moment, long processorNs)
    {
        if (Takes(LogLevel.Info))
        {
            string took = (processorNs / NsPerMillisecond).ToString("F2", CultureInfo.InvariantCulture);
            Step(name + " (" + took + " ms on a processor)", moment);
        }
    }

    /// <summary>Appends a line; safe from several threads (one write each).</summary>
    internal void Write(string line) => Write(line, LogLevel.Info);

    /// <summary>As above, of a level.</summary>
    internal void Write(string line, LogLevel level)
    {
        if (Takes(level))
        {
            WriteAt(Stopwatch.GetTimestamp(), line);
        }
    }

    private void WriteAt(long moment, string line)
    {
        double ms = Stopwatch.GetElapsedTime(_start, moment).TotalMilliseconds;
        string text = ms.ToString("F2", CultureInfo.InvariantCulture) + " ms " + line + "\n";
        HostUnistd.WriteAll(Volatile.Read(ref _fd), Encoding.Latin1.GetBytes(text));
    }
}

/// <summary>How much is written to the debug log; each level has those before it. The trace of system calls, where it
/// is asked for, is written at every level.</summary>
internal enum LogLevel
{
    /// <summary>What went wrong: enough for standard error, where the container's own output goes too.</summary>
    Warning,

    /// <summary>Steps and choices.</summary>
    Info,

    /// <summary>What clients of the control socket ask, too.</summary>
    Debug,
}
