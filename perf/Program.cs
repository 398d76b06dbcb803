using System;
using System.CommandLine;
using Perf.Commands;

namespace Perf;

/// <summary>The harness's command line; perf/README.md describes it.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        RootCommand root = new("Measures runsc against native Linux, runc and its peers.")
        {
            ListCommand.Build(),
            RunCommand.Build(),
            CompareCommand.Build(),
            GateCommand.Build(),
            ReportCommand.Build(),
            DoctorCommand.Build(),
            CapacityCommand.Build(),
        };
        foreach (Command command in BenchmarkCommands.Build())
        {
            root.Add(command);
        }

        try
        {
            return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception failure) when (failure is UserException or FormatException)
        {
            Console.Error.WriteLine("perf: " + failure.Message);
            return 2;
        }
    }
}
