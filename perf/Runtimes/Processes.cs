using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Text;
using System.Threading;

namespace Perf.Runtimes;

/// <summary>How a process ended. The status of one that was ended for its time is <see
/// cref="Processes.TimedOut"/>.</summary>
internal readonly record struct ProcessResult(int Status, string Output, string Error, double Seconds);

/// <summary>Runs host processes to their end, whatever they do.</summary>
internal static class Processes
{
    /// <summary>As timeout(1) says it.</summary>
    internal const int TimedOut = 124;

    /// <summary>timeout(1), when it had to send SIGKILL.</summary>
    internal const int Killed = 137;

    /// <summary>More output than this is dropped: no tool prints as much, and a runaway one must not fill the
    /// memory.</summary>
    private const int MostOutput = 8 << 20;

    private const int GraceMs = 10_000;
    private const string GuestPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The environment of everything that is measured.</summary>
    internal static readonly IReadOnlyList<string> Environment = ["PATH=" + GuestPath, "HOME=/root", "LC_ALL=C"];

    private static readonly List<Process> s_running = [];
    private static bool s_isEnding;

    /// <summary>Ends all that still runs and starts nothing more: the harness itself is told to end.</summary>
    internal static void EndAll()
    {
        lock (s_running)
        {
            s_isEnding = true;
            foreach (Process process in s_running)
            {
                End(process);
            }
        }
    }

    internal static ProcessResult Run(IEnumerable<string> command, TimeSpan limit,
        params IEnumerable<string> environment)
    {
        long start = Stopwatch.GetTimestamp();
        using Process? process = TryStart(command, environment, out string reason);
        if (process == null)
        {
            return new(127, "", reason, 0);
        }

        StringBuilder error = new();
        Thread reader = new(() => Drain(process.StandardError, error));
        reader.Start();
        StringBuilder output = new();
        Thread writer = new(() => Drain(process.StandardOutput, output));
        writer.Start();
        bool ended = process.WaitForExit((int)limit.TotalMilliseconds + GraceMs);
        if (!ended)
        {
            process.Kill(true);
            process.WaitForExit();
        }

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        // A process that left its group could hold the pipes open; what it prints is no longer of interest.
        bool drained = reader.Join(GraceMs) & writer.Join(GraceMs);
        return new(
            ended ? process.ExitCode : TimedOut, drained ? output.ToString() : "", drained ? error.ToString() : "",
                seconds);
    }

    /// <summary>Starts a process with its streams in pipes and nothing to read.</summary>
    internal static Process? TryStart(IEnumerable<string> command, IEnumerable<string> environment, out string reason)
    {
        ProcessStartInfo start = new()
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string word in command)
        {
            if (start.FileName.Length == 0)
            {
                start.FileName = word;
            }
            else
            {
                start.ArgumentList.Add(word);
            }
        }

        start.Environment.Clear();
        foreach (IEnumerable<string> group in (IEnumerable<string>[])[Environment, environment])
        {
            foreach (string variable in group)
            {
                int equals = variable.IndexOf('=');
                start.Environment[variable[..equals]] = variable[(equals + 1)..];
            }
        }

        try
        {
            reason = "";
            return Begin(start);
        }
        catch (Exception failure) when (failure is System.ComponentModel.Win32Exception or IOException)
        {
            reason = failure.Message;
            return null;
        }
    }

    /// <summary>Ends every process that has this text among its arguments, and waits until it is gone: what is left of
    /// one that its parent has not seen yet has no arguments.</summary>
    internal static void EndNamed(string text)
    {
        const int WaitMs = 10;
        foreach (Process process in Process.GetProcesses())
        {
            using (process)
            {
                for (int waited = 0; waited < GraceMs && HasArgument(process.Id, text); waited += WaitMs)
                {
                    process.Kill();
                    Thread.Sleep(WaitMs);
                }
            }
        }
    }

    /// <summary>Starts a process that ends with the harness.</summary>
    internal static Process Begin(ProcessStartInfo start)
    {
        lock (s_running)
        {
            if (!s_isEnding)
            {
                Process process = Process.Start(start)!;
                s_running.RemoveAll(HasEnded);
                s_running.Add(process);
                if (start.RedirectStandardInput)
                {
                    process.StandardInput.Close();
                }

                return process;
            }
        }

        // The harness's last moments belong to whoever cleans up.
        Thread.Sleep(Timeout.Infinite);
        throw new InvalidOperationException();
    }

    /// <summary>Its owner may see its end first, and dispose of it.</summary>
    private static void End(Process process)
    {
        const int WaitMs = 10;
        try
        {
            process.Kill(true);
        }
        catch (InvalidOperationException)
        {
            return;
        }

        while (!HasEnded(process))
        {
            Thread.Sleep(WaitMs);
        }
    }

    private static bool HasArgument(int pid, string text)
    {
        try
        {
            return pid != System.Environment.ProcessId
                && File.ReadAllText($"/proc/{pid}/cmdline").Contains(text, StringComparison.Ordinal);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Also one whose owner has disposed of it.</summary>
    private static bool HasEnded(Process process)
    {
        try
        {
            return process.HasExited;
        }
        catch (InvalidOperationException)
        {
            return true;
        }
    }

    private static void Drain(StreamReader stream, StringBuilder text)
    {
        char[] buffer = new char[4096];
        try
        {
            int length;
            while ((length = stream.Read(buffer)) > 0)
            {
                text.Append(buffer, 0, Math.Min(length, MostOutput - text.Length));
            }
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            text.Append("(the stream broke: ").Append(failure.Message).Append(')');
        }
    }
}
