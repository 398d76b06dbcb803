using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial record Credentials
{
    // Capabilities that follow the file-system user id (CAP_FS_MASK, include/linux/capability.h).
    private const ulong FileCapabilityMask = (1UL << Capability.CAP_CHOWN) | (1UL << Capability.CAP_MKNOD)
        | (1UL << Capability.CAP_DAC_OVERRIDE) | (1UL << Capability.CAP_DAC_READ_SEARCH)
            | (1UL << Capability.CAP_FOWNER)
        | (1UL << Capability.CAP_FSETID) | (1UL << Capability.CAP_LINUX_IMMUTABLE)
            | (1UL << Capability.CAP_MAC_OVERRIDE);

    /// <summary>
    /// What a change of user ids does to capabilities (capabilities(7), "Effect of user ID changes on capabilities";
    /// security/commoncap.c, cap_emulate_setxuid).
    /// </summary>
    internal Credentials AfterIdChange(Credentials old)
    {
        if ((SecureBits & Securebits.SECBIT_NO_SETUID_FIXUP) != 0)
        {
            return this;
        }

        uint root = UserNamespace.ToKernelUid(0);
        Credentials result = this;
        bool hadRoot = old.RealUid == root || old.EffectiveUid == root || old.SavedUid == root;
        bool hasRoot = RealUid == root || EffectiveUid == root || SavedUid == root;
        if (hadRoot && !hasRoot)
        {
            bool keeps = (SecureBits & Securebits.SECBIT_KEEP_CAPS) != 0;
            result = result with
            {
                Permitted = keeps ? result.Permitted : 0,
                Effective = keeps ? result.Effective : 0,
                Ambient = 0,
            };
        }

        if (old.EffectiveUid == root && EffectiveUid != root)
        {
            result = result with { Effective = 0 };
        }
        else if (old.EffectiveUid != root && EffectiveUid == root)
        {
            result = result with { Effective = result.Permitted };
        }

        return result;
    }

    /// <summary>As <see cref="AfterIdChange"/> for setfsuid(2): only file capabilities follow.</summary>
    internal Credentials AfterFsUidChange(Credentials old)
    {
        if ((SecureBits & Securebits.SECBIT_NO_SETUID_FIXUP) != 0)
        {
            return this;
        }

        uint root = UserNamespace.ToKernelUid(0);
        if (old.FsUid == root && FsUid != root)
        {
            return this with { Effective = Effective & ~FileCapabilityMask };
        }

        return old.FsUid != root && FsUid == root ? this with { Effective = Effective
            | (Permitted & FileCapabilityMask) } : this;
    }
}
