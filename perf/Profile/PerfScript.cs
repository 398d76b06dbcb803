using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace Perf.Profile;

/// <summary>
/// Reads what <c>perf script -F comm,pid,tid,ip,sym,dso</c> of Linux's own perf(1) prints: a line for the thread,
/// "COMM PID/TID", a line for each frame, "ADDRESS SYMBOL (FILE)", and an empty line.
/// </summary>
internal static class PerfScript
{
    /// <summary>The fields that <see cref="Read"/> understands.</summary>
    internal const string Fields = "comm,pid,tid,ip,sym,dso";

    internal static IEnumerable<StackSample> Read(TextReader text)
    {
        string? head = null;
        List<Frame> frames = [];
        for (string? line = text.ReadLine(); line != null; line = text.ReadLine())
        {
            if (line.Trim().Length == 0)
            {
                if (head != null)
                {
                    yield return Sample(head, frames);
                }

                head = null;
                frames = [];
            }
            else if (head == null)
            {
                head = line.Trim();
            }
            else
            {
                frames.Add(ParseFrame(line.Trim()));
            }
        }

        if (head != null)
        {
            yield return Sample(head, frames);
        }
    }

    private static StackSample Sample(string head, List<Frame> frames)
    {
        // The name may hold spaces; the numbers are the last word.
        int space = head.LastIndexOf(' ');
        string[] numbers = head[(space + 1)..].Split('/');
        if (space < 0 || !int.TryParse(numbers[0], NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
        {
            throw new FormatException("perf script: no thread in '" + head + "'");
        }

        return new(head[..space].TrimEnd(), pid, frames);
    }

    private static Frame ParseFrame(string line)
    {
        int space = line.IndexOf(' ');
        int file = line.LastIndexOf(" (", StringComparison.Ordinal);
        if (space < 0 || file < space)
        {
            throw new FormatException("perf script: no frame in '" + line + "'");
        }

        string symbol = line[(space + 1)..Math.Max(file, space + 1)].Trim();
        bool named = symbol.Length > 0 && symbol != "[unknown]";
        return new(named ? symbol : "0x" + line[..space], line[(file + 2)..].TrimEnd(')'));
    }
}
