using System.Diagnostics;
using System.Globalization;
using System.Text;
using HostOs;

namespace Runsc.Boot;

/// <summary>The debug log: one line per event with milliseconds since the process started. Does nothing without a
/// descriptor.</summary>
internal sealed class DebugLog(int fd)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>True when lines go anywhere.</summary>
    internal bool IsOpen => fd >= 0;

    /// <summary>Appends a line; safe from several threads (one write each).</summary>
    internal void Write(string line)
    {
        if (fd < 0)
        {
            return;
        }

        double ms = Stopwatch.GetElapsedTime(_start).TotalMilliseconds;
        string text = ms.ToString("F2", CultureInfo.InvariantCulture) + " ms " + line + "\n";
        HostUnistd.WriteAll(fd, Encoding.Latin1.GetBytes(text));
    }
}
