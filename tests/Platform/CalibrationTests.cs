using global::Platform.Kvm;
using Xunit;

namespace Tests.Platform;

/// <summary>Who runs ring 0, told from runs that others make longer.</summary>
public sealed class CalibrationTests
{
    private const long Slow = 3 * Calibration.EmulatedNs;
    private const long Quick = 200_000;

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(Calibration.Runs - 1)]
    public void One_quick_run_after_slow_ones_is_proof(int slowRuns)
    {
        int runs = 0;
        Assert.Equal(Quick, Calibration.Best(() => runs++ < slowRuns ? Slow : Quick));
        Assert.Equal(slowRuns + 1, runs);
    }

    [Fact]
    public void Slow_runs_alone_are_an_emulator()
    {
        int runs = 0;
        Assert.Equal(Slow + 1, Calibration.Best(() => Slow + (++runs == 7 ? 1 : 2)));
        Assert.Equal(Calibration.Runs, runs);
    }

    [Fact]
    public void A_run_that_fails_ends_it() => Assert.Equal(-1, Calibration.Best(() => -1));
}
