using System;

namespace Platform.Kvm;

/// <summary>
/// Who runs ring 0: the CPU, which needs microseconds and an exit for <see cref="Ring0.TrapCode.Calibration"/>, or an
/// emulator, which needs milliseconds. Whoever takes this thread's CPU away makes a run longer, nothing makes it
/// shorter:
/// one quick run is proof, and a slow one is none.
/// </summary>
internal static class Calibration
{
    /// <summary>A run that takes longer may have been emulated.</summary>
    public const long EmulatedNs = 1_000_000;

    /// <summary>Slow runs before an emulator is believed in.</summary>
    public const int Runs = 25;

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
