using Sentry.Vfs;

namespace Sentry.Kernel;

/// <summary>The file systems of the sandbox.</summary>
public sealed partial class GuestKernel
{
    /// <summary>Path operations, file system registry, mounts.</summary>
    public VirtualFileSystem Vfs { get; } = new();
}
