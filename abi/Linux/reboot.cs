namespace Abi.Linux;

/// <summary>reboot(2).</summary>
[CHeader("linux/reboot.h")]
public static class Reboot
{
    public const uint LINUX_REBOOT_MAGIC1 = 0xfee1dead;
    public const uint LINUX_REBOOT_MAGIC2 = 672274793;
    public const uint LINUX_REBOOT_MAGIC2A = 85072278;
    public const uint LINUX_REBOOT_MAGIC2B = 369367448;
    public const uint LINUX_REBOOT_MAGIC2C = 537993216;
    public const uint LINUX_REBOOT_CMD_RESTART = 0x01234567;
    public const uint LINUX_REBOOT_CMD_HALT = 0xcdef0123;
    public const uint LINUX_REBOOT_CMD_CAD_ON = 0x89abcdef;
    public const uint LINUX_REBOOT_CMD_CAD_OFF = 0x00000000;
    public const uint LINUX_REBOOT_CMD_POWER_OFF = 0x4321fedc;
    public const uint LINUX_REBOOT_CMD_RESTART2 = 0xa1b2c3d4;
    public const uint LINUX_REBOOT_CMD_SW_SUSPEND = 0xd000fce2;
    public const uint LINUX_REBOOT_CMD_KEXEC = 0x45584543;
}
