using System;
using System.CommandLine;
using System.CommandLine.Invocation;
using System.IO;
using System.Runtime.InteropServices;
using System.Text.Json;
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
        using PosixSignalRegistration hungUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, End);
        using PosixSignalRegistration quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, End);
        try
        {
            ParseResult parsed = root.Parse(args);
            return parsed.Action is ParseErrorAction
                ? throw new UserException(parsed.Errors[0].Message + " (--help says what there is)")
                : parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception failure) when (failure is UserException or FormatException or IOException
            or UnauthorizedAccessException or JsonException)
        {
            Console.Error.WriteLine("perf: " + failure.Message.ReplaceLineEndings(" "));
            return 2;
        }
    }

    /// <summary>Nothing is left of the run that the signal interrupts.</summary>
    private static void End(PosixSignalContext context)
    {
        context.Cancel = true;
        Execution.EndAll();
        // As a shell says it: 128 and the signal's number (signal(7)).
        Environment.Exit(128 + context.Signal switch
        {
            PosixSignal.SIGHUP => 1,
            PosixSignal.SIGINT => 2,
            PosixSignal.SIGQUIT => 3,
            _ => 15,
        });
    }
}
