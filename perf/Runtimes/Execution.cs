using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using Perf.Parsers;
using Perf.Suites;

namespace Perf.Runtimes;

/// <summary>
/// One run of a variant in a runtime, with all that it needs in a scratch folder of its own. Everything runs in a
/// process
/// name space that dies with its first process, and in a mount name space, so that whatever happens no process and no
/// mount is left; <see cref="Dispose"/> removes the folder and the control groups.
/// </summary>
internal sealed class Execution : IDisposable
{
    private const int KillAfterSeconds = 2;
    private const int MostStartSeconds = 60;
    private const int StateSeconds = 10;

    /// <summary>Our program that times a command (<c>perf/guest/clock.c</c>).</summary>
    private const string Clock = "clock";

    private static readonly List<Execution> s_live = [];
    private readonly Layout _layout;
    private readonly RuntimeSpec _runtime;
    private readonly Variant _variant;
    private readonly string _id;
    private readonly ControlGroup _group;
    private readonly Scratch _scratch;
    private readonly string _work;
    private readonly string _cpus;
    private int _started;

    /// <summary>Sets a run up; <paramref name="cpus"/> is taskset's list, or empty for all.</summary>
    internal Execution(Layout layout, RuntimeSpec runtime, Variant variant, string cpus)
    {
        _layout = layout;
        _runtime = runtime;
        _variant = variant;
        _cpus = cpus;
        lock (s_live)
        {
            _scratch = new(layout);
            _id = _scratch.Id;
            _work = _scratch.Folder;
            _group = new(_id);
            Directory.CreateDirectory(Path.Combine(_work, "bench"));
            Directory.CreateDirectory(Path.Combine(_work, "state"));
            File.WriteAllText(Path.Combine(_work, "world.sh"), WorldScript());
            s_live.Add(this);
        }
    }

    /// <summary>Ends every run and removes what it has: the harness itself is told to end.</summary>
    internal static void EndAll()
    {
        // For good: a run that ends now is not followed by another.
        Monitor.Enter(s_live);
        foreach (Execution execution in s_live)
        {
            // Of many, this is far quicker than to look for the processes of each.
            execution.EndInside();
        }

        Processes.EndAll();
        foreach (Execution execution in s_live)
        {
            execution._group.Remove();
        }

        Scratch.EndAll();
    }

    private IEnumerable<Volume> Volumes =>
    [
        new(Path.Combine(_work, "bench"), "/bench", false),
        new(_variant.Job.Folder, "/job", true),
        new(_layout.Tools, "/tools", true),
    ];

    private IEnumerable<string> GuestEnvironment => Processes.Environment.Concat(_runtime.Environment);

    /// <summary>Runs it to its end and gives what it printed; null, with a reason, if it failed.</summary>
    internal string? Run(out string reason)
    {
        ProcessResult result =
            Processes.Run(Command(), TimeSpan.FromSeconds(_variant.Job.TimeoutSeconds + KillAfterSeconds),
                _runtime.Environment);
        reason = "";
        if (result.Status is Processes.TimedOut or Processes.Killed && result.Seconds >= _variant.Job.TimeoutSeconds)
        {
            reason = $"ended after {_variant.Job.TimeoutSeconds} s" + LastWords(result);
        }
        else if (result.Status != 0)
        {
            reason = $"status {result.Status}" + LastWords(result);
        }

        return reason.Length > 0 ? null : result.Output;
    }

    /// <summary>The figure of one of the variants that ran; null, with a reason, if there is none.</summary>
    internal static Reading? Read(Variant variant, string output, out string reason)
    {
        try
        {
            reason = "";
            ToolParser parser = variant.Job.Measure switch
            {
                Measure.Tool => ToolParsers.Find(variant.Job.Parser),
                Measure.Life => LifeParser.Parse,
                _ => StopwatchParser.Parse,
            };
            Reading reading = parser(output, variant.Metric);
            return reading.IsFigure
                ? reading
                : throw new FormatException(string.Create(CultureInfo.InvariantCulture,
                    $"the figure is {reading.Value}, which is none"));
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Whatever a tool's output does to its parser, the other runs go on.
            reason = failure.Message + LastWords(output);
            return null;
        }
    }

    /// <summary>Scratch that goes with the run.</summary>
    internal string Folder => _work;

    /// <summary>Runs it to its end below another command.</summary>
    internal ProcessResult RunUnder(params IEnumerable<string> command) => Processes.Run(
        [.. command, .. Command()], TimeSpan.FromSeconds(_variant.Job.TimeoutSeconds + KillAfterSeconds),
        _runtime.Environment);

    /// <summary>Starts it in the background; the caller ends it. Null, with a reason, if that is impossible.</summary>
    internal Process? Start(out string reason)
    {
        Process? process = Processes.TryStart(Command(), _runtime.Environment, out reason);
        _started = process?.Id ?? 0;
        return process;
    }

    /// <summary>Kills the first process of its process name space, if it was started in the background, and with it
    /// all others there; what is around it then ends of itself.</summary>
    internal void EndInside()
    {
        try
        {
            // The number may be another process's by now, which does not have the folder among its words.
            if (_started == 0 || !File.ReadAllText($"/proc/{_started}/cmdline").Contains(_work + "/"))
            {
                return;
            }

            if (RuntimeProcess(_started) is int first and not 0)
            {
                using Process process = Process.GetProcessById(first);
                process.Kill();
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException
            or InvalidOperationException)
        {
            // It has ended.
        }
    }

    /// <summary>Waits until the command itself runs, as the runtime says; false, with a reason, if it ends before or
    /// never begins.</summary>
    internal bool WaitUntilRunning(Process process, out string reason)
    {
        const int PollMs = 100;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < MostStartSeconds)
        {
            if (process.WaitForExit(PollMs))
            {
                reason = "it ended before it ran" + LastWords(process.StandardError.ReadToEnd());
                return false;
            }

            int pid = RuntimeProcess(process.Id);
            if (pid != 0 && IsRunning(pid))
            {
                reason = "";
                return true;
            }
        }

        reason = $"it did not run within {MostStartSeconds} s";
        return false;
    }

    /// <summary>Natively the name of the process tells; a runtime is asked (OCI runtime specification, "state"), among
    /// the process numbers that it knows.</summary>
    private bool IsRunning(int pid)
    {
        if (_runtime.Kind == RuntimeKind.Native)
        {
            return ProcessTree.Describe(pid) == Path.GetFileName(_variant.Command.First());
        }

        ProcessResult result = Processes.Run(
            [
                "/usr/bin/nsenter", "--target", pid.ToString(CultureInfo.InvariantCulture), "--mount", "--pid",
                _runtime.Path, .. _runtime.Flags, "--root", Path.Combine(_work, "state"), "state", _id,
            ],
            TimeSpan.FromSeconds(StateSeconds), _runtime.Environment);
        return result.Status == 0 && SaysRunning(result.Output);
    }

    /// <summary>Whether a runtime's answer to "state" is that the container runs.</summary>
    internal static bool SaysRunning(string state)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(state);
            return document.RootElement.GetProperty("status").GetString() == "running";
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>The process that world.sh became, below timeout(1) and unshare(1); 0 while it is not there.</summary>
    internal static int RuntimeProcess(int pid)
    {
        const int Wrappers = 2;
        try
        {
            for (int i = 0; i < Wrappers; i++)
            {
                string children = File.ReadAllText($"/proc/{pid}/task/{pid}/children").Trim();
                pid = int.Parse(children.Split(' ')[0], CultureInfo.InvariantCulture);
            }

            return pid;
        }
        catch (Exception failure) when (failure is IOException or FormatException)
        {
            return 0;
        }
    }

    public void Dispose()
    {
        lock (s_live)
        {
            if (s_live.Remove(this))
            {
                _group.Remove();
                _scratch.Dispose();
            }
        }
    }

    private static string WorldScript()
    {
        using Stream stream = typeof(Execution).Assembly.GetManifestResourceStream("world.sh")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Text of a guest, without what would change the reader's terminal or the order of his letters.</summary>
    internal static string Plain(string text) => string.Concat(text.Select(letter =>
        char.IsControl(letter) || char.GetUnicodeCategory(letter) == UnicodeCategory.Format ? '?' : letter));

    /// <summary>The end of what a process said, on one line; empty if it said nothing.</summary>
    internal static string LastWords(ProcessResult result) =>
        LastWords(result.Error.Trim().Length > 0 ? result.Error : result.Output);

    private static string LastWords(string text)
    {
        const int Shown = 300;
        text = Plain(text.Trim().ReplaceLineEndings(" | "));
        text = text.Length > Shown ? "..." + text[^Shown..] : text;
        return text.Length == 0 ? "" : ": " + text;
    }

    private List<string> Command()
    {
        List<string> command = _cpus.Length > 0 ? ["/usr/bin/taskset", "-c", _cpus] : [];
        string seconds = _variant.Job.TimeoutSeconds.ToString(CultureInfo.InvariantCulture);
        bool outside = _variant.Job.Measure is Measure.Outside or Measure.Life or Measure.Memory;
        if (_runtime.Kind == RuntimeKind.Native && !outside)
        {
            command.AddRange([_layout.NativeScript, seconds, _layout.Root, Path.Combine(_work, "native")]);
            foreach (Volume volume in Volumes)
            {
                command.AddRange(["--volume", volume.Source + ":" + volume.Target + (volume.ReadOnly ? ":ro" : "")]);
            }

            return [.. command, .. GuestCommand()];
        }

        string repeat = _variant.Job.Measure is Measure.Outside or Measure.Life
            ? _variant.Job.Repeat.ToString(CultureInfo.InvariantCulture)
            : "0";
        string root = Path.Combine(_work, "root");
        command.AddRange(["/usr/bin/timeout", "-k", KillAfterSeconds.ToString(CultureInfo.InvariantCulture), seconds]);
        command.AddRange(["/usr/bin/unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.AddRange(["/bin/bash", Path.Combine(_work, "world.sh"), _work, _layout.Root]);
        command.AddRange([Path.Combine(_layout.Tools, Clock), repeat, .. Forgotten()]);
        bool life = _variant.Job.Measure == Measure.Life;
        if (_runtime.Kind == RuntimeKind.Native)
        {
            command.AddRange(life ? ["--process"] : []);
            return [.. command, "/usr/sbin/chroot", root, .. GuestCommand()];
        }

        string bundle = Path.Combine(_work, "bundle");
        Bundle.Write(bundle, root, _group.Path, GuestCommand(), GuestEnvironment, Volumes);
        string state = Path.Combine(_work, "state");
        string[] runtime = [_runtime.Path, .. _runtime.Flags, "--root", state];
        return life ? [.. command, "--life", bundle, _id, .. runtime]
            : [.. command, .. runtime, "run", "--bundle", bundle, _id];
    }

    /// <summary>For a cold start, what the clock takes out of the page cache before each: the files of the root, and
    /// the executable that begins, which it checks.</summary>
    private string[] Forgotten() => _variant.Cache == PageCache.Warm ? [] :
    [
        "--cold", _layout.Root,
        "--cold", _runtime.Kind == RuntimeKind.Native ? _layout.Root + _variant.Command.First() : _runtime.Path,
    ];

    private IEnumerable<string> GuestCommand() => _variant.Job.Measure == Measure.Inside
        ? ["/tools/" + Clock, "1", .. _variant.Command]
        : _variant.Command;
}
