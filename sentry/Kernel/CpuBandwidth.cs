namespace Sentry.Kernel;

/// <summary>The host's limits of processor time for the whole sandbox (cgroups(7), cpu.max and cpu.weight). The host
/// keeps them; here they are only told.</summary>
/// <param name="QuotaUs">Microseconds of each period; negative for no limit.</param>
/// <param name="PeriodUs">Microseconds.</param>
/// <param name="Weight">1 to 10000.</param>
public sealed record CpuBandwidth(long QuotaUs, long PeriodUs, long Weight)
{
    /// <summary>The period where none is given.</summary>
    public const long DefaultPeriodUs = 100_000;

    /// <summary>The weight where none is given.</summary>
    public const long DefaultWeight = 100;
}
