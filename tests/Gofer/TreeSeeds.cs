using System;
using System.Globalization;
using Xunit;

namespace Tests.Gofer;

/// <summary>
/// Seeds of the random trees: a few fixed ones; with the environment variable TREE_SEEDS as many more as it says, and
/// one of the clock.
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
            string? wanted = Environment.GetEnvironmentVariable("TREE_SEEDS");
            int more = int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out int given) ? given : 0;
            for (int seed = 0; seed < Fixed + more; seed++)
            {
                seeds.Add(seed);
            }

            if (more > 0)
            {
                seeds.Add(Environment.TickCount);
            }

            return seeds;
        }
    }
}
