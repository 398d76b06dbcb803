using System.CommandLine;
using System.Linq;
using Perf.Suites;
using Spectre.Console;

namespace Perf.Commands;

/// <summary><c>perf list</c>: the suites and their jobs.</summary>
internal static class ListCommand
{
    internal static Command Build()
    {
        Option<bool> variants = new("--variants") { Description =
            "Every variant by name; the usual ones with a star." };
        Command command = new("list", "Show suites, jobs and their variants.") { variants };
        command.SetAction(parsed => Run(parsed.GetValue(variants)));
        return command;
    }

    private static int Run(bool variants)
    {
        Table table = Output.Table("suite", "job", "usual / all", "unit", "what");
        foreach (Job job in JobFile.All(Layout.Find().Suites))
        {
            string[] usual = [.. Variant.Of(job, Selection.Usual).Select(variant => variant.FullName)];
            string[] all = [.. Variant.Of(job, Selection.All).Select(variant => variant.FullName)];
            Output.AddRow(table, job.Suite, job.Name, $"{usual.Length} / {all.Length}", job.Unit, job.Summary);
            foreach (string name in variants ? all : [])
            {
                Output.AddRow(table, "", (usual.Contains(name) ? "* " : "  ") + name, "", "", "");
            }
        }

        Output.Console.Write(table);
        return 0;
    }
}
