using System;
using System.Collections.Generic;
using System.Linq;
using Sentry.Mm;
using Xunit;
using Xunit.Abstractions;

namespace Tests.Sentry.Mm;

/// <summary>The range set against a sorted list of single cells.</summary>
public sealed class RangeSetTests(ITestOutputHelper output)
{
    private const int Cells = 200;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Random_operations_agree_with_a_naive_model(int extra)
    {
        int seed = unchecked(Environment.TickCount * 3) + extra;
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        RangeSet<int, Policy> set = new();
        int[] model = new int[Cells];
        for (int step = 0; step < 6000; step++)
        {
            Mutate(random, set, model);
            Check(set, model);
            CheckGaps(random, set, model);
        }
    }

    [Fact]
    public void Handles_stay_good_while_others_come_and_go()
    {
        RangeSet<int, Policy> set = new();
        int kept = set.Insert(GuestRange.FromBounds(500, 510), 7);
        for (int i = 0; i < 100; i++)
        {
            set.Insert(GuestRange.FromBounds((ulong)i * 4, ((ulong)i * 4) + 2), i);
        }

        for (int i = 0; i < 100; i += 2)
        {
            set.Remove(set.Find((ulong)i * 4));
        }

        Assert.Equal(GuestRange.FromBounds(500, 510), set.Range(kept));
        Assert.Equal(7, set.Value(kept));
        Assert.Equal(51, set.Count);
    }

    private static void Mutate(Random random, RangeSet<int, Policy> set, int[] model)
    {
        int start = random.Next(Cells - 1);
        int end = start + 1 + random.Next(Math.Min(20, Cells - start - 1) + 1);
        GuestRange range = GuestRange.FromBounds((ulong)start, (ulong)Math.Min(end, Cells));
        switch (random.Next(4))
        {
            case 0 when set.IsFree(range):
                int value = 1 + random.Next(3);
                set.Merge(set.Insert(range, value));
                Fill(model, range, value);
                break;
            case 1:
                RemoveAll(set, range);
                Fill(model, range, 0);
                break;
            case 2:
                int at = set.FindAtOrAfter(range.Start);
                if (at != 0 && set.Range(at).Overlaps(range))
                {
                    at = set.Isolate(at, range);
                    set.Value(at) = 4;
                    Fill(model, set.Range(at), 4);
                }

                break;
            default:
                set.MergeAll(range);
                break;
        }
    }

    private static void RemoveAll(RangeSet<int, Policy> set, GuestRange range)
    {
        int at = set.FindAtOrAfter(range.Start);
        while (at != 0 && set.Start(at) < range.End)
        {
            at = set.Isolate(at, range);
            int next = set.Next(at);
            set.Remove(at);
            at = next;
        }
    }

    private static void Fill(int[] model, GuestRange range, int value) =>
        Array.Fill(model, value, (int)range.Start, (int)range.Length);

    private static void Check(RangeSet<int, Policy> set, int[] model)
    {
        int[] seen = new int[Cells];
        List<int> forward = [];
        for (int at = set.First; at != 0; at = set.Next(at))
        {
            forward.Add(at);
            Fill(seen, set.Range(at), set.Value(at));
        }

        List<int> backward = [];
        for (int at = set.Last; at != 0; at = set.Previous(at))
        {
            backward.Add(at);
        }

        Assert.Equal(model, seen);
        Assert.Equal(forward, Enumerable.Reverse(backward));
        Assert.Equal(forward.Count, set.Count);
        for (int cell = 0; cell < Cells; cell++)
        {
            int found = set.Find((ulong)cell);
            Assert.Equal(model[cell], found == 0 ? 0 : set.Value(found));
        }
    }

    private static void CheckGaps(Random random, RangeSet<int, Policy> set, int[] model)
    {
        int low = random.Next(Cells);
        int high = low + random.Next(Cells - low);
        int length = 1 + random.Next(12);
        List<int> places = [];
        for (int start = low; start + length <= high; start++)
        {
            if (model.AsSpan(start, length).IndexOfAnyExcept(0) < 0)
            {
                places.Add(start);
            }
        }

        bool top = set.FindGapFromTop((ulong)low, (ulong)high, (ulong)length, out ulong highest);
        bool bottom = set.FindGapFromBottom((ulong)low, (ulong)high, (ulong)length, out ulong lowest);
        Assert.Equal(places.Count > 0, top);
        Assert.Equal(places.Count > 0, bottom);
        if (top)
        {
            Assert.Equal((ulong)places[^1], highest);
            Assert.Equal((ulong)places[0], lowest);
        }
    }

    private readonly struct Policy : IRangePolicy<int>
    {
        public static int Split(ref int left, ulong distance) => left;

        public static bool TryMerge(ref int left, ulong leftLength, in int right) => left == right;
    }
}
