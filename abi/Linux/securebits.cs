namespace Abi.Linux;

/// <summary>prctl(2) PR_SET_SECUREBITS.</summary>
[CHeader("linux/securebits.h")]
public static class Securebits
{
    public const uint SECURE_NOROOT = 0;
    public const uint SECURE_NOROOT_LOCKED = 1;
    public const uint SECBIT_NOROOT = 1;
    public const uint SECBIT_NOROOT_LOCKED = 2;
    public const uint SECURE_NO_SETUID_FIXUP = 2;
    public const uint SECURE_NO_SETUID_FIXUP_LOCKED = 3;
    public const uint SECBIT_NO_SETUID_FIXUP = 4;
    public const uint SECBIT_NO_SETUID_FIXUP_LOCKED = 8;
    public const uint SECURE_KEEP_CAPS = 4;
    public const uint SECURE_KEEP_CAPS_LOCKED = 5;
    public const uint SECBIT_KEEP_CAPS = 16;
    public const uint SECBIT_KEEP_CAPS_LOCKED = 32;
    public const uint SECURE_NO_CAP_AMBIENT_RAISE = 6;
    public const uint SECURE_NO_CAP_AMBIENT_RAISE_LOCKED = 7;
    public const uint SECBIT_NO_CAP_AMBIENT_RAISE = 64;
    public const uint SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED = 128;
    public const uint SECURE_EXEC_RESTRICT_FILE = 8;
    public const uint SECURE_EXEC_RESTRICT_FILE_LOCKED = 9;
    public const uint SECBIT_EXEC_RESTRICT_FILE = 0x100;
    public const uint SECBIT_EXEC_RESTRICT_FILE_LOCKED = 0x200;
    public const uint SECURE_EXEC_DENY_INTERACTIVE = 10;
    public const uint SECURE_EXEC_DENY_INTERACTIVE_LOCKED = 11;
    public const uint SECBIT_EXEC_DENY_INTERACTIVE = 0x400;
    public const uint SECBIT_EXEC_DENY_INTERACTIVE_LOCKED = 0x800;
}
