using System;
using System.Collections.Generic;
using Perf.Stats;

namespace Perf;

/// <summary>Milliseconds from start to end of "true", natively and in a sandbox, in turn.</summary>
internal sealed class StartBenchmark(World world)
{
    private const int Runs = 21;
    private const double MillisecondsPerSecond = 1e3;

    internal void Run()
    {
        List<double> native = [];
        List<double> version = [];
        List<double> sandbox = [];
        for (int i = 0; i <= Runs; i++)
        {
            double a = Milliseconds(world.Native("/bin/busybox", "true"));
            double b = Milliseconds([world.Runsc, "syscalls"]);
            double c = Milliseconds(world.Sandboxed([], "/bin/busybox", "true"));
            if (i > 0)
            {
                native.Add(a);
                version.Add(b);
                sandbox.Add(c);
            }
        }

        Console.WriteLine($"native true        {Order.Median(native),8:0.0} ms");
        Console.WriteLine($"runsc syscalls     {Order.Median(version),8:0.0} ms");
        Console.WriteLine($"runsc do true      {Order.Median(sandbox),8:0.0} ms");
    }

    private static double Milliseconds(string[] command) => World.Capture(command).Seconds * MillisecondsPerSecond;
}
