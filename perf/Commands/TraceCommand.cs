using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.IO;
using System.Threading;
using Microsoft.Diagnostics.NETCore.Client;
using Perf.Runtimes;

namespace Perf.Commands;

/// <summary>
/// <c>perf trace</c>: runs the harness itself, or another tool on the shared run time, and writes what its run time
/// tells through EventPipe (samples of managed stacks, collections, compiled methods), from its first instruction on.
/// </summary>
internal static class TraceCommand
{
    // Keywords of Microsoft-Windows-DotNETRuntime: GC, loader, JIT, contention, exception, type names.
    private const long Keywords = 0x1 | 0x8 | 0x10 | 0x4000 | 0x8000 | 0x80000;
    private const int BufferMib = 64;
    private const int ConnectTries = 400;
    private const int ConnectWaitMs = 25;

    internal static Command Build()
    {
        Option<string> output = new("--output", "-o")
        {
            Description = "File, as PerfView and dotnet-trace read it.",
            DefaultValueFactory = _ => "perf.nettrace",
        };
        Option<string?> program = new("--program")
        {
            Description = "A managed assembly to run with the arguments instead of the harness.",
        };
        Argument<string[]> arguments = new("arguments")
        {
            Description = "Arguments, after --.", Arity = ArgumentArity.ZeroOrMore,
        };
        Command command = new("trace", "Trace a managed tool of ours through EventPipe.") { output, program,
            arguments };
        command.SetAction(parsed => Run(
            parsed.GetValue(program), parsed.GetValue(arguments)!, parsed.GetValue(output)!));
        return command;
    }

    private static int Run(string? program, string[] arguments, string path)
    {
        ProcessStartInfo start = new() { UseShellExecute = false };
        string own = Environment.ProcessPath!;
        bool hosted = program != null || Path.GetFileNameWithoutExtension(own) == "dotnet";
        start.FileName = hosted && Path.GetFileNameWithoutExtension(own) != "dotnet" ? "dotnet" : own;
        if (hosted)
        {
            start.ArgumentList.Add(program ?? Path.Combine(AppContext.BaseDirectory, "perf.dll"));
        }

        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // The run time waits before the first managed instruction until the session is there.
        start.Environment["DOTNET_DefaultDiagnosticPortSuspend"] = "1";
        using FileStream file = File.Create(path);
        using Process process = Processes.Begin(start);
        try
        {
            Record(process, file);
        }
        finally
        {
            // One that nobody resumes would wait for ever.
            process.Kill(true);
        }

        Console.Error.WriteLine($"{path}: {file.Length / 1024} KiB; status {process.ExitCode}");
        return process.ExitCode;
    }

    /// <summary>All that the tool's run time tells until its end.</summary>
    private static void Record(Process process, FileStream file)
    {
        DiagnosticsClient client = new(process.Id);
        using (EventPipeSession session = Connect(client, process))
        {
            client.ResumeRuntime();
            session.EventStream.CopyTo(file);
        }

        process.WaitForExit();
    }

    private static EventPipeSession Connect(DiagnosticsClient client, Process process)
    {
        List<EventPipeProvider> providers =
        [
            new("Microsoft-DotNETCore-SampleProfiler", EventLevel.Informational),
            new("Microsoft-Windows-DotNETRuntime", EventLevel.Informational, Keywords),
        ];
        for (int i = 0; ; i++)
        {
            try
            {
                return client.StartEventPipeSession(providers, true, BufferMib);
            }
            catch (Exception failure) when (failure is ServerNotAvailableException or IOException or TimeoutException)
            {
                if (i == ConnectTries || process.HasExited)
                {
                    throw new UserException("the tool opens no diagnostic port: is it managed? " + failure.Message);
                }

                Thread.Sleep(ConnectWaitMs);
            }
        }
    }
}
