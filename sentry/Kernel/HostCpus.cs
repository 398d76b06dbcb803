using System;
using System.Numerics;
using Abi.Linux;
using HostOs;

namespace Sentry.Kernel;

/// <summary>
/// Which host CPU is which of the guest: guests count from 0 without gaps. Where the Sentry counts fewer CPUs than it
/// may run on (a CPU quota), several host CPUs are one of the guest.
/// </summary>
public sealed class HostCpus
{
    private const int MaxCpus = 1024;
    private const int BitsPerByte = 8;
    private const int BitsPerWord = 64;

    private readonly int[] _guestOf = new int[MaxCpus];
    private readonly byte[] _allowed = new byte[MaxCpus / BitsPerByte];

    /// <summary>The CPUs that the calling thread may run on, seen as <paramref name="most"/> if they are more; 0 for
    /// all.</summary>
    public HostCpus(int most)
    {
        Errno error = HostSched.GetAffinity(0, _allowed, out _);
        int guestCount = CountAllowed();
        guestCount = error != Errno.None || guestCount == 0 ? Environment.ProcessorCount : guestCount;
        guestCount = most > 0 ? Math.Min(guestCount, most) : guestCount;
        GuestCount = guestCount;
        int next = 0;
        for (int cpu = 0; cpu < MaxCpus; cpu++)
        {
            bool isAllowed = error == Errno.None && (_allowed[cpu / BitsPerByte] >> (cpu % BitsPerByte) & 1) != 0;
            _guestOf[cpu] = isAllowed ? next++ % guestCount : cpu % guestCount;
        }
    }

    /// <summary>CPUs of the guest.</summary>
    public int GuestCount { get; }

    /// <summary>Number in the guest of the CPU that the calling thread runs on.</summary>
    public int Current => _guestOf[HostSched.GetCpu() % MaxCpus];

    private int CountAllowed()
    {
        int count = 0;
        foreach (byte bits in _allowed)
        {
            count += BitOperations.PopCount(bits);
        }

        return count;
    }

    /// <summary>
    /// The host's mask (sched_setaffinity(2)) for a guest's; empty for all CPUs, which need no binding.
    /// </summary>
    public byte[] MaskOf(ulong[] guestMask)
    {
        int chosen = 0;
        foreach (ulong word in guestMask)
        {
            chosen += BitOperations.PopCount(word);
        }

        if (chosen == GuestCount)
        {
            return [];
        }

        byte[] mask = new byte[_allowed.Length];
        for (int cpu = 0; cpu < MaxCpus; cpu++)
        {
            int guest = _guestOf[cpu];
            bool isChosen = (guestMask[guest / BitsPerWord] >> (guest % BitsPerWord) & 1) != 0;
            int bit = 1 << (cpu % BitsPerByte);
            mask[cpu / BitsPerByte] |= (byte)(isChosen ? _allowed[cpu / BitsPerByte] & bit : 0);
        }

        return mask;
    }
}
