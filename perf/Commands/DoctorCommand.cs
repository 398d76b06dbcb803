using System.CommandLine;
using Perf.Results;
using Spectre.Console;

namespace Perf.Commands;

/// <summary><c>perf doctor</c>: is this machine fit to measure?</summary>
internal static class DoctorCommand
{
    internal static Command Build()
    {
        Command command = new("doctor", "Say how fit this machine is to measure on, and how noisy results will be.");
        command.SetAction(_ => Run());
        return command;
    }

    private static int Run()
    {
        Table table = Output.Table("what", "found", "so");
        foreach (Finding finding in Doctor.Examine())
        {
            Output.AddRow(table, finding.What, finding.Found, finding.Advice);
        }

        Output.Console.Write(table);
        return 0;
    }
}
