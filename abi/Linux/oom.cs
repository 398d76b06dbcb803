namespace Abi.Linux;

/// <summary>Bounds of /proc/pid/oom_score_adj and oom_adj.</summary>
[CHeader("linux/oom.h")]
public static class Oom
{
    public const int OOM_SCORE_ADJ_MIN = -1000;
    public const int OOM_SCORE_ADJ_MAX = 1000;
    public const int OOM_DISABLE = -17;
    public const int OOM_ADJUST_MIN = -16;
    public const int OOM_ADJUST_MAX = 15;
}
