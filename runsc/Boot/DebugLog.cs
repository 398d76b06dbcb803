using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading;
using HostOs;

namespace Runsc.Boot;

/// <summary>The debug log: one line per event with milliseconds since the process started. Does nothing without a
/// descriptor.</summary>
internal sealed class DebugLog(int fd)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private int _fd = fd;

    /// <summary>True when lines go anywhere.</summary>
    internal bool IsOpen => Volatile.Read(ref _fd) >= 0;

    /// <summary>From now on lines go to another descriptor, which is taken. The old one stays open: somebody may be
    /// writing to it.</summary>
    internal void Redirect(HostFd target) => Volatile.Write(ref _fd, target.Release());

    /// <summary>Appends a line; safe from several threads (one write each).</summary>
    internal void Write(string line)
    {
        int target = Volatile.Read(ref _fd);
        if (target < 0)
        {
            return;
        }

        double ms = Stopwatch.GetElapsedTime(_start).TotalMilliseconds;
        string text = ms.ToString("F2", CultureInfo.InvariantCulture) + " ms " + line + "\n";
        HostUnistd.WriteAll(target, Encoding.Latin1.GetBytes(text));
    }
}
