using Platform;
using Sentry.Mm;

namespace Sentry.Kernel;

/// <summary>The root object: what exists once per sandbox. Composition happens in <c>runsc</c>.</summary>
public sealed partial class GuestKernel
{
    /// <summary>Runs guest code.</summary>
    public required IPlatform Platform { get; init; }

    /// <summary>All anonymous memory and page cache.</summary>
    public required MemoryFile MemoryFile { get; init; }
}
