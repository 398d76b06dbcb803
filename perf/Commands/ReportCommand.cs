using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using Perf.Report;
using Perf.Results;

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
        Command command = new("report", "Write report.html and report.md.") { results, output };
        command.SetAction(parsed => Run(parsed.GetValue(results)!, parsed.GetValue(output)!));
        return command;
    }

    private static int Run(string[] paths, string folder)
    {
        List<ResultFile> results = [.. paths.Select(ResultFile.Load).OrderBy(result => result.Taken)];
        Directory.CreateDirectory(folder);
        string page = Path.Combine(folder, "report.html");
        File.WriteAllText(page, HtmlReport.Write(results));
        File.WriteAllText(Path.Combine(folder, "report.md"), MarkdownReport.Write(results[^1]));
        Console.WriteLine(page);
        return 0;
    }
}
