using System;
using System.Globalization;
using Xunit;

namespace Tests.Gofer;

/// <summary>
/// Seeds of the random trees: a few fixed ones; with the environment variable TREE_SEEDS as many more as it says, from
/// TREE_SEED_FROM on, else from one that the clock gives.
/// </summary>
public static class TreeSeeds
{
    private const int Fixed = 3;

    /// <summary>The seeds of this run.</summary>
    public static TheoryData<int> All
    {
        get
        {
            TheoryData<int> seeds = [];
            for (int seed = 0; seed < Fixed; seed++)
            {
                seeds.Add(seed);
            }

            int first = Setting("TREE_SEED_FROM") ?? (Environment.TickCount & int.MaxValue >> 1);
            for (int i = 0; i < (Setting("TREE_SEEDS") ?? 0); i++)
            {
                seeds.Add(first + i);
            }

            return seeds;
        }
    }

    private static int? Setting(string name) => int.TryParse(Environment.GetEnvironmentVariable(name),
        NumberStyles.None, CultureInfo.InvariantCulture, out int given) ? given : null;
}
