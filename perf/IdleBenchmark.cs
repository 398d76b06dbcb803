using System;
using System.Diagnostics;
using System.Threading;
using Perf.Runtimes;

namespace Perf;

/// <summary>
/// A sandbox whose only process sleeps: processor time and context switches of all its processes over ten seconds,
/// and the memory they hold.
/// </summary>
internal sealed class IdleBenchmark(World world, Verdict verdict)
{
    private const int SettleMs = 4_000;
    private const int WatchMs = 10_000;
    private const double MaxTicks = 1;
    private const double MaxSwitches = 5;
    private const double MaxResidentMib = 25;
    private const double KibPerMib = 1024;

    internal void Run()
    {
        string[] command = world.Sandboxed([], "/bin/busybox", "sleep", "60");
        using Process launcher = Processes.TryStart(command, [], out string reason)
            ?? throw new UserException($"{world.Runsc}: {reason}");
        try
        {
            if (launcher.WaitForExit(SettleMs))
            {
                throw new UserException($"{world.Runsc}: it ended at once, with the status {launcher.ExitCode}: "
                    + Execution.Plain(launcher.StandardError.ReadToEnd().Trim().ReplaceLineEndings(" | ")));
            }

            ProcessTree tree = new(launcher.Id);
            double resident = PrintMemory(tree);
            long ticks = tree.Ticks();
            long switches = tree.Switches();
            Thread.Sleep(WatchMs);
            ticks = tree.Ticks() - ticks;
            switches = tree.Switches() - switches;
            Console.WriteLine($"in {WatchMs / 1000} s: {ticks} ticks of processor time, {switches} context switches");
            verdict.Check("idle: ticks", ticks, MaxTicks);
            verdict.Check("idle: context switches", switches, MaxSwitches);
            verdict.Check("idle: resident MiB", resident, MaxResidentMib);
        }
        finally
        {
            launcher.Kill(true);
            launcher.WaitForExit();
        }
    }

    /// <summary>A row a process; gives the sum of what is resident, in MiB.</summary>
    private static double PrintMemory(ProcessTree tree)
    {
        Console.WriteLine($"{"process",-26} {"threads",8} {"Rss MiB",9} {"Pss MiB",9} {"unique MiB",11}");
        double resident = 0;
        double proportional = 0;
        double unique = 0;
        foreach (int pid in tree.Pids)
        {
            double rss = ProcessTree.MemoryKib(pid, "Rss:") / KibPerMib;
            double pss = ProcessTree.MemoryKib(pid, "Pss:") / KibPerMib;
            double own = ProcessTree.MemoryKib(pid, "Private_Clean:", "Private_Dirty:") / KibPerMib;
            string name = ProcessTree.Describe(pid);
            Console.WriteLine($"{name,-26} {ProcessTree.ThreadCount(pid),8} {rss,9:0.0} {pss,9:0.0} {own,11:0.0}");
            resident += rss;
            proportional += pss;
            unique += own;
        }

        Console.WriteLine($"{"sum",-26} {"",8} {resident,9:0.0} {proportional,9:0.0} {unique,11:0.0}");
        return resident;
    }
}
