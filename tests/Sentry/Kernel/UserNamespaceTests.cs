using Abi.Linux;
using Sentry.Kernel;
using Xunit;

namespace Tests.Sentry.Kernel;

/// <summary>Capabilities and ids across user namespaces (user_namespaces(7)).</summary>
public sealed class UserNamespaceTests
{
    [Fact]
    public void TheRootNamespaceMapsEveryIdToItself()
    {
        UserNamespace root = new(null, 0);
        Assert.Equal(1234U, root.ToKernelUid(1234));
        Assert.Equal(1234U, root.FromKernelGid(1234));
        Assert.Equal(UserNamespace.InvalidId, root.ToKernelUid(uint.MaxValue));
        Assert.True(root.MaySetGroups());
    }

    [Fact]
    public void AFreshNamespaceMapsNothing()
    {
        UserNamespace child = new(new UserNamespace(null, 0), 1000);
        Assert.Equal(UserNamespace.InvalidId, child.ToKernelUid(0));
        Assert.Equal(UserNamespace.OverflowId, child.FromKernelUidOrOverflow(1000));
        Assert.False(child.MaySetGroups());
    }

    [Fact]
    public void TheOwnerOfANamespaceHasAllCapabilitiesInItAndBelow()
    {
        UserNamespace root = new(null, 0);
        UserNamespace child = new(root, 1000);
        UserNamespace grandchild = new(child, 1000);
        Credentials owner = new() { UserNamespace = root, RealUid = 1000, EffectiveUid = 1000 };
        Credentials stranger = owner with { RealUid = 1001, EffectiveUid = 1001 };
        Assert.True(owner.HasCapability(Capability.CAP_SYS_ADMIN, child));
        Assert.True(owner.HasCapability(Capability.CAP_SYS_ADMIN, grandchild));
        Assert.False(owner.HasCapability(Capability.CAP_SYS_ADMIN, root));
        Assert.False(stranger.HasCapability(Capability.CAP_SYS_ADMIN, child));
    }

    [Fact]
    public void CapabilitiesOfAChildNamespaceDoNotCountAbove()
    {
        UserNamespace root = new(null, 0);
        Credentials inside = Credentials.Root(new UserNamespace(root, 0));
        Assert.False(inside.HasCapability(Capability.CAP_SYS_ADMIN, root));
    }
}
