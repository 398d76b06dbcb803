using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.IO.Pipes;
using System.Linq;
using System.Threading;
using Perf.Stats;

namespace Perf.Results;

/// <summary>One thing that was looked at: what was found, and what it does to results; no advice if it does nothing.
/// </summary>
internal sealed record Finding(string What, string Found, string Advice);

/// <summary>Whether this machine is fit to measure on.</summary>
internal static class Doctor
{
    private const int WatchMs = 2_000;
    private const double MuchSteal = 0.01;
    private const double MuchBusy = 0.05;
    private const double NoisyLoop = 0.03;
    private const double SlowWakeUs = 30;

    internal static IEnumerable<Finding> Examine()
    {
        Machine machine = Machine.Describe();
        ProcessorTime start = ProcessorTime.Now();
        Thread.Sleep(WatchMs);
        double stolen = ProcessorTime.StolenSince(start);
        double busy = ProcessorTime.BusySince(start);
        yield return new("processors", $"{machine.Processors} x {machine.Processor}", machine.Processors < 4
            ? "harness, tool and runtime share them: use short jobs and many runs" : "");
        yield return new("governor", machine.Governor, machine.Governor is "performance" or "none"
            ? "" : "set it to performance: the frequency follows the load");
        yield return new("hypervisor", machine.Virtual ? "yes" : "no", machine.Virtual
            ? "neighbours disturb: compare only what ran in turn" : "");
        yield return new("stolen time", Percent(stolen), stolen > MuchSteal
            ? "the host is short of time; runs will be marked" : "");
        yield return new("at work for others", Percent(busy), busy > MuchBusy
            ? "something else runs here: end it, or wait" : "");
        yield return new("clock source", Read("/sys/devices/system/clocksource/clocksource0/current_clocksource"), "");
        yield return new("huge pages", Read("/sys/kernel/mm/transparent_hugepage/enabled"), "");
        yield return new("KVM", machine.Kvm, machine.Kvm switch
        {
            "none" => "runsc-kvm cannot run",
            "hardware" => "",
            _ => "guest ring 0 may be emulated: figures of runsc-kvm say nothing of real hardware",
        });
        double wake = WakeUpMicroseconds();
        yield return new("waking an idle processor", $"{Figure(wake)} µs a round trip", wake > SlowWakeUs
            ? "hand-overs between sleeping threads are dear here, for runtimes that make them" : "");
        double loop = LoopSpread();
        yield return new("a fixed loop", $"middle half within {Percent(loop)}",
            loop > NoisyLoop ? "expect noisy results" : "");
        yield return new("noise to expect", Noise(loop, stolen, busy), "");
    }

    private static string Noise(double loop, double stolen, double busy)
    {
        double expected = loop + stolen + busy / 2;
        string runs = expected < 0.02 ? "5 runs tell 5 % apart" : expected < 0.06 ? "use 10 to 20 runs"
            : "do not trust small differences";
        return $"about ±{Percent(expected)} a run: {runs}";
    }

    /// <summary>Two threads that wake each other through pipes, both asleep in between.</summary>
    private static double WakeUpMicroseconds()
    {
        const int Rounds = 300;
        using AnonymousPipeServerStream there = new(PipeDirection.Out);
        using AnonymousPipeClientStream thereEnd = new(PipeDirection.In, there.ClientSafePipeHandle);
        using AnonymousPipeServerStream back = new(PipeDirection.Out);
        using AnonymousPipeClientStream backEnd = new(PipeDirection.In, back.ClientSafePipeHandle);
        Thread echo = new(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                back.WriteByte((byte)thereEnd.ReadByte());
            }
        });
        echo.Start();
        List<double> times = [];
        for (int i = 0; i < Rounds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            there.WriteByte(1);
            _ = backEnd.ReadByte();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            Thread.Sleep(1);
        }

        echo.Join();
        return Order.Median(times);
    }

    /// <summary>How far apart the quartiles of the times of one piece of work lie, as a part of the median.</summary>
    private static double LoopSpread()
    {
        const int Rounds = 200;
        const int Steps = 1_000_000;
        List<double> times = [];
        uint state = 1;
        for (int i = 0; i < Rounds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int step = 0; step < Steps; step++)
            {
                state = state * 1_664_525 + 1_013_904_223;
            }

            times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }

        GC.KeepAlive(state);
        return (Order.Quantile(times, 0.75) - Order.Quantile(times, 0.25)) / Order.Median(times);
    }

    private static string Read(string path) => File.Exists(path) ? File.ReadAllText(path).Trim() : "not known";

    private static string Percent(double part) => (part * 100).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    private static string Figure(double value) => value.ToString("0", CultureInfo.InvariantCulture);
}
