using System;
using Ring0;

namespace Platform.Kvm;

/// <summary>What executes the instructions of ring 0.</summary>
internal enum Ring0Runner
{
    /// <summary>Nothing does: the vCPU fails.</summary>
    Nobody,

    Cpu,

    Emulator,
}

/// <summary>What <see cref="Calibration"/> asks of a vCPU.</summary>
internal interface IRing0Probe
{
    /// <summary>Nanoseconds that <see cref="TrapCode.Calibration"/> takes; -1 when the vCPU fails.</summary>
    long RunLoop();

    /// <summary>How many instructions KVM has emulated on the vCPU. False where it does not say.</summary>
    bool TryCountEmulated(out long count);

    /// <summary>Whether <see cref="TrapCode.Compute"/> finds in ring 0 what a CPU finds there.</summary>
    bool Computes();
}

/// <summary>
/// Who runs ring 0. KVM counts the instructions that it emulates: those of a loop are among them, or not. Where it
/// does not tell, the clock must: an emulator needs milliseconds for what the CPU does in microseconds. Whoever takes
/// this thread's CPU away makes a run longer, nothing makes it shorter: one quick run is proof, and a slow one is
/// none. Either way ring 0 must then compute, since that is what the Sentry does there.
/// </summary>
internal static class Calibration
{
    /// <summary>A run that takes longer may have been emulated.</summary>
    public const long EmulatedNs = 1_000_000;

    /// <summary>Slow runs before an emulator is believed in.</summary>
    public const int Runs = 25;

    private const long NsPerMicrosecond = 1000;

    /// <summary>Finds out; <paramref name="evidence"/> is what it is concluded from.</summary>
    public static Ring0Runner Find(IRing0Probe probe, out string evidence)
    {
        evidence = "the virtual CPU does not run";
        bool counts = probe.TryCountEmulated(out long before);
        if (probe.RunLoop() < 0)
        {
            return Ring0Runner.Nobody;
        }
        if (counts && probe.TryCountEmulated(out long after))
        {
            long emulated = after - before;
            evidence = $"KVM emulated {emulated} of {TrapCode.CalibrationInstructions} instructions";
            if (emulated >= TrapCode.CalibrationRounds)
            {
                return Ring0Runner.Emulator;
            }
        }
        else
        {
            long best = Best(probe.RunLoop);
            if (best < 0)
            {
                return Ring0Runner.Nobody;
            }
            evidence = $"{TrapCode.CalibrationInstructions} instructions took {best / NsPerMicrosecond} us";
            if (best > EmulatedNs)
            {
                return Ring0Runner.Emulator;
            }
        }
        if (!probe.Computes())
        {
            evidence += ", but it does not compute";
            return Ring0Runner.Emulator;
        }
        return Ring0Runner.Cpu;
    }

    /// <summary>The time of the first quick run, else of the quickest; -1 when one fails.</summary>
    /// <param name="run">Runs the loop: nanoseconds, or -1.</param>
    public static long Best(Func<long> run)
    {
        long best = long.MaxValue;
        for (int i = 0; i < Runs && best > EmulatedNs; i++)
        {
            long ns = run();
            if (ns < 0)
            {
                return -1;
            }
            best = long.Min(best, ns);
        }
        return best;
    }
}
