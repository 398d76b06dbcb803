using System;
using System.CommandLine;
using System.Runtime.InteropServices;
using Perf.Commands;
using Perf.Runtimes;

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
            MergeCommand.Build(),
            DoctorCommand.Build(),
            CapacityCommand.Build(),
            ProfileCommand.Build(),
            TraceCommand.Build(),
        };
        foreach (Command command in BenchmarkCommands.Build())
        {
            root.Add(command);
        }

        using PosixSignalRegistration ended = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using PosixSignalRegistration interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
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

    /// <summary>Nothing is left of the run that the signal interrupts.</summary>
    private static void End(PosixSignalContext context)
    {
        const int Interrupted = 130;
        const int Terminated = 143;
        context.Cancel = true;
        Execution.EndAll();
        Environment.Exit(context.Signal == PosixSignal.SIGINT ? Interrupted : Terminated);
    }
}
