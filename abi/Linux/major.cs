namespace Abi.Linux;

/// <summary>Device majors, Linux's Documentation/admin-guide/devices.txt.</summary>
[CHeader("linux/major.h")]
public static class Major
{
    public const uint UNNAMED_MAJOR = 0;
    public const uint MEM_MAJOR = 1;
    public const uint PTY_MASTER_MAJOR = 2;
    public const uint PTY_SLAVE_MAJOR = 3;
    public const uint TTY_MAJOR = 4;
    public const uint TTYAUX_MAJOR = 5;
    public const uint LOOP_MAJOR = 7;
    public const uint MISC_MAJOR = 10;
    public const uint INPUT_MAJOR = 13;
    public const uint UNIX98_PTY_MASTER_MAJOR = 128;
    public const uint UNIX98_PTY_MAJOR_COUNT = 8;
    public const uint UNIX98_PTY_SLAVE_MAJOR = 136;
}
