using System;
using System.Diagnostics;
using System.Numerics;
using System.Threading;
using HostOs;

namespace Platform.Systrap;

/// <summary>
/// How long each side looks out for the other before it sleeps. Waking an idle CPU costs about 80 microseconds and a
/// spinning pair 0.2; but where there is only one CPU to spin on, the other side needs it.
/// </summary>
internal static class Waiting
{
    private const ulong OneCpuCycles = 40_000;
    private const ulong SpinCyclesManyCpus = 20_000;
    private const ulong YieldCyclesManyCpus = 150_000;
    private const long OneCpuNs = 20_000;
    private const long SpinNsManyCpus = 10_000;
    private const long YieldNsManyCpus = 70_000;

    private static readonly byte[] s_allCpus = ReadCpus();
    private static readonly bool s_manyCpus = CountCpus() > 1;

    /// <summary>The CPUs of the process, as a mask of sched_setaffinity(2).</summary>
    public static ReadOnlySpan<byte> AllCpus => s_allCpus;

    /// <summary>A yield that takes so long has let somebody else work.</summary>
    private const long LongYieldNs = 20_000;

    /// <summary>How long to go without looking out after that.</summary>
    private const long ContentionNs = 20_000_000;

    /// <summary>Time stamp up to which others want the CPUs; written and read without order, on purpose.</summary>
    private static long s_contendedUntil;

    /// <summary>TSC cycles a leader looks out for a script.</summary>
    public static ulong LeaderCycles => s_manyCpus ? YieldCyclesManyCpus : OneCpuCycles;

    /// <summary>TSC cycles a context thread spins.</summary>
    public static ulong SpinCycles => s_manyCpus ? SpinCyclesManyCpus : 0;

    /// <summary>TSC cycles after which a context thread sleeps; until then it yields the CPU.</summary>
    public static ulong YieldCycles => s_manyCpus ? YieldCyclesManyCpus : OneCpuCycles;

    /// <summary>
    /// Whether others have wanted the CPUs a moment ago: a spinner then is in the way of the one it waits for, and a
    /// yield gives a whole time slice away.
    /// </summary>
    public static bool IsContended(long now) => now < Volatile.Read(ref s_contendedUntil);

    /// <summary>
    /// Looks out until <see cref="YieldNs"/> have passed since <paramref name="start"/>. Called in a loop: gives the
    /// CPU to others once in a while; false when the caller should sleep.
    /// </summary>
    public static bool LookOut(long start)
    {
        long now = Stopwatch.GetTimestamp();
        if (now - start > YieldNs || IsContended(now))
        {
            return false;
        }
        if (now - start <= SpinNs)
        {
            return true;
        }
        HostSched.Yield();
        long after = Stopwatch.GetTimestamp();
        if (after - now > LongYieldNs)
        {
            Volatile.Write(ref s_contendedUntil, after + ContentionNs);
        }
        return true;
    }

    private static long SpinNs => s_manyCpus ? SpinNsManyCpus : 0;

    private static long YieldNs => s_manyCpus ? YieldNsManyCpus : OneCpuNs;

    private static byte[] ReadCpus()
    {
        const int MaskBytes = 128;
        byte[] mask = new byte[MaskBytes];
        HostSched.GetAffinity(0, mask, out _);
        return mask;
    }

    private static int CountCpus()
    {
        int cpus = 0;
        foreach (byte part in s_allCpus)
        {
            cpus += BitOperations.PopCount(part);
        }
        return cpus;
    }
}
