using System.Diagnostics;
using HostOs;
using Runsc.Boot;
using Runsc.Cli;
using Runsc.Containers;
using Runsc.Sandbox;

namespace Runsc;

/// <summary>Entry point. The internal commands by-pass the command-line library: their start-up time is the
/// container's.</summary>
internal static class Program
{
    /// <summary>Time stamp at which this process had its run time.</summary>
    internal static long StartedAt { get; private set; }

    /// <summary>Processor time that exec and run time took of this process, for the timeline.</summary>
    internal static long ProcessorNs { get; private set; }

    private static int Main(string[] args) => args switch
    {
        ["boot", ..] => BootCommand.Run(),
        [ExecWaiter.Name, ..] => ExecWaiter.Run(args),
        [OomBell.Name, ..] => OomBell.Run(),
        ["gofer", ..] => ServeFiles(args),
        ["terminal", ..] => TerminalCommand.Run(args),
        _ => Launch(args),
    };

    private static int ServeFiles(string[] args)
    {
        InternalError.Watch();
        return GoferCommand.Run(ByteStrings.CommandLine(args));
    }

    private static int Launch(string[] args)
    {
        StartedAt = Stopwatch.GetTimestamp();
        ProcessorNs = HostTime.Now(HostTime.ClockProcessCpu);
        InternalError.Watch();
        StandardStreams.Probe();
        return CommandLine.Run(ByteStrings.CommandLine(args));
    }
}
