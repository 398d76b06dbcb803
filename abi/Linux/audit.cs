namespace Abi.Linux;

/// <summary>Architectures that seccomp(2) and ptrace(2) name.</summary>
[CHeader("linux/audit.h")]
public static class Audit
{
    public const uint AUDIT_ARCH_I386 = 0x40000003;
    public const uint AUDIT_ARCH_X86_64 = 0xc000003e;
}
