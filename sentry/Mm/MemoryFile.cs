namespace Sentry.Mm;

/// <summary>One memfd that backs all anonymous memory and page cache, mapped once into the Sentry.</summary>
public sealed partial class MemoryFile
{
}
