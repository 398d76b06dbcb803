using Sentry.Vfs;

namespace Sentry.Kernel;

public sealed partial class GuestKernel
{
    /// <summary>Where files without a name have their inodes.</summary>
    public PseudoFileSystems PseudoFileSystems { get; } = new();
}
