using System;
using System.Diagnostics;
using System.Numerics;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Platform.Systrap;

/// <summary>
/// How long each side looks out for the other before it sleeps. Waking an idle CPU costs about 80 microseconds and a
/// spinning pair 0.2; but where there is only one CPU to spin on, the other side needs it.
/// </summary>
internal static class Waiting
{
    private const int MaskBytes = 128;
    private const int BitsPerByte = 8;
    private const ulong OneCpuCycles = 40_000;
    private const ulong SpinCyclesManyCpus = 20_000;
    private const ulong YieldCyclesManyCpus = 150_000;
    private const long OneCpuNs = 20_000;
    private const long SpinNsManyCpus = 10_000;
    private const long YieldNsManyCpus = 70_000;

    private static readonly byte[] s_allCpus = ReadCpus();
    private static readonly int s_cpus = CountCpus();
    private static readonly bool s_manyCpus = s_cpus > 1;

    /// <summary>The CPUs of the process, as a mask of sched_setaffinity(2).</summary>
    public static ReadOnlySpan<byte> AllCpus => s_allCpus;

    /// <summary>
    /// A yield that takes so long has let somebody work who does not wait for us: a time slice is longer, and what
    /// threads of ours do for one another on the CPU meanwhile is shorter.
    /// </summary>
    private const long LongYieldNs = 100_000;

    /// <summary>How long to go without yielding after that: at first, and when it is found again and again.</summary>
    private const long LeastContentionNs = 20_000_000;
    private const long MostContentionNs = 1_000_000_000;

    /// <summary>Part by which a yield that came back at once shortens the next such time.</summary>
    private const int Recovery = 16;

    /// <summary>Time stamp up to which others want the CPUs; written and read without order, on purpose.</summary>
    private static long s_contendedUntil;

    /// <summary>How long that is to be the next time; the same.</summary>
    private static long s_contentionNs = LeastContentionNs;

    /// <summary>How many they are.</summary>
    public static int Cpus => s_cpus;

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
    /// CPU to others once in a while; false when the caller should sleep. Whoever waits for a thread of the same CPU
    /// does not spin.
    /// </summary>
    public static bool LookOut(long start, Neighbour neighbour)
    {
        long now = Stopwatch.GetTimestamp();
        if (neighbour == Neighbour.OtherCpu && now - start <= SpinNs)
        {
            return true;
        }
        if (now - start > YieldNs || IsContended(now) || SpinSeats.All.IsWanted)
        {
            return false;
        }
        HostSched.Yield();
        NoteYield(now, Stopwatch.GetTimestamp());
        return true;
    }

    /// <summary>
    /// Others want the CPUs if a yield took long. Each time that shows again the next look is later, because it costs
    /// a time slice; yields that come back at once undo that.
    /// </summary>
    private static void NoteYield(long before, long after)
    {
        long next = Volatile.Read(ref s_contentionNs);
        if (after - before > LongYieldNs)
        {
            Volatile.Write(ref s_contendedUntil, after + next);
            Volatile.Write(ref s_contentionNs, Math.Min(2 * next, MostContentionNs));
        }
        else if (next > LeastContentionNs)
        {
            Volatile.Write(ref s_contentionNs, Math.Max(next - (next / Recovery), LeastContentionNs));
        }
    }

    /// <summary>Moves the calling thread to another CPU of the process, if there is one; it may come back.</summary>
    public static void MoveFrom(int cpu)
    {
        if (!s_manyCpus || (uint)cpu >= MaskBytes * BitsPerByte)
        {
            return;
        }
        Span<byte> others = stackalloc byte[MaskBytes];
        s_allCpus.CopyTo(others);
        others[cpu / BitsPerByte] &= (byte)~(1 << (cpu % BitsPerByte));
        if (others.ContainsAnyExcept((byte)0) && HostSched.SetAffinity(0, others) == Errno.None)
        {
            HostSched.SetAffinity(0, s_allCpus);
        }
    }

    private static long SpinNs => s_manyCpus ? SpinNsManyCpus : 0;

    private static long YieldNs => s_manyCpus ? YieldNsManyCpus : OneCpuNs;

    /// <summary>Where a thread is that was last seen on a CPU.</summary>
    public static Neighbour Of(int cpu) => cpu == HostSched.GetCpu() ? Neighbour.SameCpu : Neighbour.OtherCpu;

    private static byte[] ReadCpus()
    {
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

/// <summary>Where the thread is that somebody waits for.</summary>
internal enum Neighbour
{
    /// <summary>It may run while the one that waits spins.</summary>
    OtherCpu,

    /// <summary>It cannot.</summary>
    SameCpu,
}
