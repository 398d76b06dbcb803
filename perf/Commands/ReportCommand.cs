using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using Perf.Report;
using Perf.Results;
using Perf.Runtimes;

namespace Perf.Commands;

/// <summary><c>perf report</c>: a result as a page and as Markdown.</summary>
internal static class ReportCommand
{
    internal static Command Build()
    {
        Argument<string[]> results = new("result")
        {
            Description = "Results; the last taken is reported, the others are its history.", Arity =
                ArgumentArity.OneOrMore,
        };
        Option<string> output = new("--output", "-o") { Description = "Folder.", DefaultValueFactory = _ => "report" };
        Option<bool> history = new("--history")
        {
            Description = "The versions of the last file that git has are its history too.",
        };
        Option<string?> notes = new("--notes")
        {
            Description = "Text of people on where time is lost: paragraphs, each after an empty line.",
        };
        Command command = new("report", "Write report.html and report.md.") { results, output, history, notes };
        command.SetAction(parsed => Run(
            parsed.GetValue(results)!, parsed.GetValue(output)!,
            parsed.GetValue(history) ? Committed(parsed.GetValue(results)![^1]) : [],
            parsed.GetValue(notes) is string path ? Paragraphs(path) : []));
        return command;
    }

    private static string[] Paragraphs(string path)
    {
        try
        {
            return [.. File.ReadAllText(path).Split("\n\n").Select(text => text.Trim()).Where(text => text.Length > 0)];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: {failure.Message}");
        }
    }

    private static int Run(string[] paths, string folder, IEnumerable<ResultFile> committed, string[] notes)
    {
        List<ResultFile> results =
        [
            .. committed.Concat(paths.Select(ResultFile.Load)).OrderBy(result => result.Taken)
                .DistinctBy(result => result.Taken),
        ];
        Requirements.Writable(Path.Combine(folder, "report.html"));
        string page = Path.Combine(folder, "report.html");
        File.WriteAllText(page, HtmlReport.Write(results, notes));
        File.WriteAllText(Path.Combine(folder, "report.md"), MarkdownReport.Write(results[^1], notes));
        Console.WriteLine(page);
        return 0;
    }

    /// <summary>A file as each commit that changed it left it; what is not a result of this form is passed
    /// over.</summary>
    private static List<ResultFile> Committed(string path)
    {
        TimeSpan limit = TimeSpan.FromSeconds(60);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string name = Path.GetFileName(path);
        ProcessResult log = Processes.Run(["git", "-C", folder, "log", "--format=%H", "--", name], limit);
        List<ResultFile> results = [];
        foreach (string commit in log.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            ProcessResult text = Processes.Run(["git", "-C", folder, "show", $"{commit}:./{name}"], limit);
            if (text.Status == 0 && ResultFile.TryParse(text.Output, out ResultFile? result))
            {
                results.Add(result);
            }
        }

        return results;
    }
}
