using System;
using Abi.Linux;
using Sentry.Kernel;
using Xunit;

namespace Tests.Sentry.Kernel;

/// <summary>What execve and changes of ids do to capabilities (capabilities(7)).</summary>
public sealed class CredentialsTests
{
    private const uint SetUserMode = StatMode.S_IFREG | StatMode.S_ISUID | 0x1ED;
    private const ulong NetRaw = 1UL << Capability.CAP_NET_RAW;

    private readonly UserNamespace _root = new(null, 0);

    [Fact]
    public void RootKeepsAllAndAUserHasNoneAfterExec()
    {
        Assert.Equal(Errno.None, Credentials.Root(_root).ForExecution(Plain, out Credentials root,
            out bool rootSecure));
        Assert.Equal(Credentials.AllCapabilities, root.Effective);
        Assert.False(rootSecure);
        Assert.Equal(Errno.None, User(1000).ForExecution(Plain, out Credentials user, out bool userSecure));
        Assert.Equal(0UL, user.Permitted | user.Effective);
        Assert.False(userSecure);
    }

    [Fact]
    public void ASetUserProgramOfRootGivesItsUserEverythingAndIsSecure()
    {
        ExecutionPrivileges file = Plain with { Mode = SetUserMode };
        Assert.Equal(Errno.None, User(1000).ForExecution(file, out Credentials result, out bool isSecure));
        Assert.Equal(0U, result.EffectiveUid);
        Assert.Equal(0U, result.SavedUid);
        Assert.Equal(1000U, result.RealUid);
        Assert.Equal(Credentials.AllCapabilities, result.Effective);
        Assert.True(isSecure);
    }

    [Fact]
    public void NoNewPrivilegesAndNosuidMountsIgnoreTheSetUserBit()
    {
        ExecutionPrivileges file = Plain with { Mode = SetUserMode };
        User(1000).ForExecution(file with { NoNewPrivileges = true }, out Credentials first, out bool firstSecure);
        User(1000).ForExecution(file with { IgnoresSetId = true }, out Credentials second, out bool secondSecure);
        Assert.Equal(1000U, first.EffectiveUid);
        Assert.Equal(1000U, second.EffectiveUid);
        Assert.False(firstSecure || secondSecure);
    }

    [Fact]
    public void FileCapabilitiesAreGivenWithinTheBoundingSet()
    {
        ExecutionPrivileges file = Plain with
        {
            HasCapabilities = true,
            Capabilities = new FileCapabilities { Permitted = NetRaw, IsEffective = true },
        };
        Assert.Equal(Errno.None, User(1000).ForExecution(file, out Credentials result, out bool isSecure));
        Assert.Equal(NetRaw, result.Effective);
        Assert.True(isSecure);
        Credentials bounded = User(1000) with { Bounding = 0 };
        Assert.Equal(Errno.EPERM, bounded.ForExecution(file, out _, out _));
    }

    [Fact]
    public void AmbientCapabilitiesSurviveAPlainExecOnly()
    {
        Credentials user = User(1000) with { Permitted = NetRaw, Inheritable = NetRaw, Ambient = NetRaw };
        user.ForExecution(Plain, out Credentials plain, out bool isSecure);
        Assert.Equal(NetRaw, plain.Effective);
        Assert.False(isSecure);
        user.ForExecution(Plain with { Mode = SetUserMode, Uid = 1001 }, out Credentials setUser, out _);
        Assert.Equal(0UL, setUser.Ambient);
        Assert.Equal(0UL, setUser.Effective);
    }

    [Fact]
    public void GivingUpRootClearsCapabilitiesUnlessTheyAreKept()
    {
        Credentials root = Credentials.Root(_root);
        Credentials gone = (root with { RealUid = 5, EffectiveUid = 5, SavedUid = 5, FsUid = 5 }).AfterIdChange(root);
        Assert.Equal(0UL, gone.Permitted | gone.Effective);
        Credentials keeper = root with { SecureBits = Securebits.SECBIT_KEEP_CAPS };
        Credentials kept = (keeper with { RealUid = 5, EffectiveUid = 5, SavedUid = 5, FsUid = 5 }).AfterIdChange(
            keeper);
        Assert.Equal(Credentials.AllCapabilities, kept.Permitted);
        Assert.Equal(0UL, kept.Effective);
    }

    [Fact]
    public void OnlyAnInitialReaderMayUseVersionTwoFileCapabilities()
    {
        byte[] value = new byte[Capability.XATTR_CAPS_SZ_2];
        value[3] = Capability.VFS_CAP_REVISION_2 >> Capability.VFS_CAP_REVISION_SHIFT;
        value[0] = Capability.VFS_CAP_FLAGS_EFFECTIVE;
        value[5] = 0x20;
        Assert.True(FileCapabilities.TryParse(value, _root, out FileCapabilities parsed));
        Assert.True(parsed.IsEffective);
        Assert.Equal(NetRaw, parsed.Permitted);
        Assert.False(FileCapabilities.TryParse(value.AsSpan(0, 12), _root, out _));
    }

    private static ExecutionPrivileges Plain => new() { Mode = StatMode.S_IFREG | 0x1ED };

    private Credentials User(uint uid) => new()
    {
        UserNamespace = _root,
        RealUid = uid,
        EffectiveUid = uid,
        SavedUid = uid,
        FsUid = uid,
        Bounding = Credentials.AllCapabilities,
    };
}
