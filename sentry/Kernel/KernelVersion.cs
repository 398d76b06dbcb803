namespace Sentry.Kernel;

/// <summary>The Linux version that the kernel says it is (uname(2), /proc/version).</summary>
public static class KernelVersion
{
    /// <summary>uname -s.</summary>
    public const string SystemName = "Linux";

    /// <summary>uname -r: programs choose features by it; 6.1 is the oldest kernel that has what is implemented
    /// here.</summary>
    public const string Release = "6.1.0-runsc";

    /// <summary>uname -v.</summary>
    public const string Version = "#1 SMP PREEMPT_DYNAMIC";

    /// <summary>What /proc/version and the first line of the kernel log say.</summary>
    public const string Banner = SystemName + " version " + Release + " (runsc) " + Version;

    /// <summary>uname -m.</summary>
    public const string Machine = "x86_64";
}
