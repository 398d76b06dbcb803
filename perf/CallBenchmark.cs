using System;
using System.Collections.Generic;
using Perf.Stats;

namespace Perf;

/// <summary>Nanoseconds per round of each kind, natively and in the sandbox in turn, medians.</summary>
internal sealed class CallBenchmark(World world)
{
    private const char Slow = 's';
    private const int Runs = 3;

    /// <summary>About how long one run takes.</summary>
    private const double TargetNanoseconds = 200e6;

    internal void Run(string[] names)
    {
        Console.WriteLine($"{"kind",-18} {"native ns",12} {"sandbox ns",12} {"ratio",8}");
        foreach (GuestCalls.Kind kind in GuestCalls.Kinds(world, names))
        {
            List<double> native = [];
            List<double> sandbox = [];
            long probe = kind.Flag == Slow ? 20 : 2000;
            long nativeRounds = Rounds(Measure(kind, Where.Native, probe));
            long sandboxRounds = Rounds(Measure(kind, Where.Sandbox, probe));
            for (int i = 0; i < Runs; i++)
            {
                native.Add(Measure(kind, Where.Native, nativeRounds));
                sandbox.Add(Measure(kind, Where.Sandbox, sandboxRounds));
            }

            double a = Order.Median(native);
            double b = Order.Median(sandbox);
            Console.WriteLine($"{kind.Name,-18} {a,12:0.0} {b,12:0.0} {b / a,8:0.0}");
        }
    }

    private static long Rounds(double nanoseconds) =>
        long.Clamp((long)(TargetNanoseconds / nanoseconds), 20, 1_000_000);

    private double Measure(GuestCalls.Kind kind, Where where, long rounds)
    {
        string[] arguments = GuestCalls.Arguments(kind.Name, rounds);
        string[] command = where == Where.Native
            ? world.Native(GuestCalls.Program, arguments)
            : world.Sandboxed([], [GuestCalls.Program, .. arguments]);
        return GuestCalls.NanosecondsPerRound(World.Capture(command).Output, rounds);
    }

    private enum Where
    {
        Native,
        Sandbox,
    }
}
