namespace Abi.Linux;

/// <summary>ioprio_set(2).</summary>
[CHeader("linux/ioprio.h")]
public static class Ioprio
{
    public const int IOPRIO_CLASS_SHIFT = 13;
    public const int IOPRIO_NR_CLASSES = 8;
    public const int IOPRIO_CLASS_MASK = 7;
    public const int IOPRIO_PRIO_MASK = 0x1fff;
    public const int IOPRIO_LEVEL_NR_BITS = 3;
    public const int IOPRIO_NR_LEVELS = 8;
    public const int IOPRIO_LEVEL_MASK = 7;
    public const int IOPRIO_BE_NR = 8;
    public const int IOPRIO_NORM = 4;
    public const int IOPRIO_BE_NORM = 4;
    public const int IOPRIO_HINT_SHIFT = 3;
    public const int IOPRIO_HINT_NR_BITS = 10;
    public const int IOPRIO_NR_HINTS = 0x400;
    public const int IOPRIO_HINT_MASK = 0x3ff;
    public const int IOPRIO_CLASS_NONE = 0;
    public const int IOPRIO_CLASS_RT = 1;
    public const int IOPRIO_CLASS_BE = 2;
    public const int IOPRIO_CLASS_IDLE = 3;
    public const int IOPRIO_CLASS_INVALID = 7;
    public const int IOPRIO_WHO_PROCESS = 1;
    public const int IOPRIO_WHO_PGRP = 2;
    public const int IOPRIO_WHO_USER = 3;
    public const int IOPRIO_HINT_NONE = 0;
    public const int IOPRIO_HINT_DEV_DURATION_LIMIT_1 = 1;
    public const int IOPRIO_HINT_DEV_DURATION_LIMIT_2 = 2;
    public const int IOPRIO_HINT_DEV_DURATION_LIMIT_3 = 3;
    public const int IOPRIO_HINT_DEV_DURATION_LIMIT_4 = 4;
    public const int IOPRIO_HINT_DEV_DURATION_LIMIT_5 = 5;
    public const int IOPRIO_HINT_DEV_DURATION_LIMIT_6 = 6;
    public const int IOPRIO_HINT_DEV_DURATION_LIMIT_7 = 7;
}
