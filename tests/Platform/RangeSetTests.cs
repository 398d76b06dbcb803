using System;
using global::Platform.Stubs;
using Xunit;

namespace Tests.Platform;

/// <summary>The set of mapped ranges against an array of flags.</summary>
public sealed class RangeSetTests
{
    private const int Size = 64;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_operations_agree_with_a_table(int seed)
    {
        var random = new Random(seed);
        var set = new RangeSet();
        bool[] table = new bool[Size];
        for (int i = 0; i < 3000; i++)
        {
            int start = random.Next(Size);
            int end = random.Next(start + 1, Size + 1);
            bool expected = Array.IndexOf(table, true, start, end - start) >= 0;
            Assert.True(expected == set.Intersects((ulong)start, (ulong)end), $"seed {seed}, step {i}");
            bool add = random.Next(2) == 0;
            Array.Fill(table, add, start, end - start);
            if (add)
            {
                set.Add((ulong)start, (ulong)end);
            }
            else
            {
                set.Remove((ulong)start, (ulong)end);
            }
            Assert.True(Same(set, table), $"seed {seed}, step {i}");
        }
    }

    /// <summary>Exactly the runs of the table, in order: disjoint and not adjacent.</summary>
    private static bool Same(RangeSet set, bool[] table)
    {
        int index = 0;
        for (int at = 0; at < Size; at++)
        {
            if (!table[at] || (at > 0 && table[at - 1]))
            {
                continue;
            }
            int end = at;
            while (end < Size && table[end])
            {
                end++;
            }
            if (index >= set.Count || set[index++] != ((ulong)at, (ulong)end))
            {
                return false;
            }
        }
        return index == set.Count;
    }
}
