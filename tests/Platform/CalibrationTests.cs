using global::Platform.Kvm;
using global::Ring0;
using Xunit;

namespace Tests.Platform;

/// <summary>Who runs ring 0: told from what KVM counts, else from runs that others make longer.</summary>
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

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]                  // the halt, where the CPU does not say where it ends
    [InlineData(TrapCode.CalibrationRounds, true)]
    [InlineData(TrapCode.CalibrationInstructions, true)]
    public void What_KVM_counts_decides_whatever_the_clock_says(int emulated, bool isEmulator)
    {
        Ring0Runner expected = isEmulator ? Ring0Runner.Emulator : Ring0Runner.Cpu;
        foreach (long ns in (long[])[Quick, Slow])
        {
            var probe = new Probe { Counts = true, Emulated = emulated, Ns = ns };
            Assert.Equal(expected, Calibration.Find(probe, out string evidence));
            Assert.Equal(1, probe.Runs);
            Assert.Contains($" {emulated} of ", evidence);
        }
    }

    [Theory]
    [InlineData(Quick)]
    [InlineData(Slow)]
    public void Where_KVM_does_not_count_the_clock_decides(long ns)
    {
        Ring0Runner expected = ns == Slow ? Ring0Runner.Emulator : Ring0Runner.Cpu;
        foreach (bool first in (bool[])[false, true])
        {
            // A file of statistics that can be read once only is none.
            var probe = new Probe { CountsOnce = first, Ns = ns };
            Assert.Equal(expected, Calibration.Find(probe, out string evidence));
            Assert.EndsWith(" us", evidence);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Ring_0_that_does_not_compute_is_no_place_to_be(bool counts)
    {
        var probe = new Probe { Counts = counts, Ns = Quick, Breaks = true };
        Assert.Equal(Ring0Runner.Emulator, Calibration.Find(probe, out string evidence));
        Assert.EndsWith("it does not compute", evidence);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    public void A_vcpu_that_fails_has_nobody(bool counts, int failingRun)
    {
        var probe = new Probe { Counts = counts, Ns = Slow, FailingRun = failingRun };
        Assert.Equal(Ring0Runner.Nobody, Calibration.Find(probe, out _));
        Assert.Equal(failingRun, probe.Runs);
    }

    /// <summary>A vCPU as the test wants it.</summary>
    private sealed class Probe : IRing0Probe
    {
        public bool Counts { get; init; }

        public bool CountsOnce { get; init; }

        public int Emulated { get; init; }

        public long Ns { get; init; }

        public bool Breaks { get; init; }

        public int FailingRun { get; init; }

        public int Runs { get; private set; }

        public long RunLoop() => ++Runs == FailingRun ? -1 : Ns;

        public bool TryCountEmulated(out long count)
        {
            count = 17 + ((long)Runs * Emulated);
            return Counts || (CountsOnce && Runs == 0);
        }

        public bool Computes() => !Breaks;
    }
}
