using BenchmarkDotNet.Attributes;
using Sentry.Mm;

namespace Tests.Bench;

/// <summary>The set of ranges below mappings and pages, with as many ranges as a large process has.</summary>
public class Ranges
{
    private const int Count = 1_000;
    private const ulong Step = 8;

    private readonly RangeSet<int, Policy> _set = new();
    private ulong _at;

    [GlobalSetup]
    public void Prepare()
    {
        for (int i = 0; i < Count; i++)
        {
            _set.Insert(GuestRange.FromBounds((ulong)i * Step, ((ulong)i * Step) + 4), i);
        }
    }

    /// <summary>Never twice the same: what was found last is remembered.</summary>
    [Benchmark]
    public int Find()
    {
        const ulong Stride = 387 * Step;
        _at = (_at + Stride) % (Count * Step);
        int handle = _set.Find(_at + 1);
        Must.Hold(handle != 0);
        return handle;
    }

    [Benchmark]
    public void InsertAndRemove()
    {
        int handle = _set.Insert(GuestRange.FromBounds((500 * Step) + 5, (500 * Step) + 6), -1);
        _set.Remove(handle);
    }

    [Benchmark]
    public void SplitAndMerge()
    {
        int left = _set.Find(300 * Step);
        _set.Split(left, (300 * Step) + 2);
        Must.Hold(_set.Merge(left) != 0 && _set.Count == Count);
    }

    /// <summary>Neighbours of one value are one.</summary>
    private readonly struct Policy : IRangePolicy<int>
    {
        public static int Split(ref int left, ulong distance) => left;

        public static bool TryMerge(ref int left, ulong leftLength, in int right) => left == right;
    }
}
