using Abi.Linux;

namespace Sentry.Mm;

/// <summary>
/// What /dev/zero gives for mmap(2): a sign that the mapping is anonymous memory (private) or an object of its own
/// (shared). It is never itself mapped.
/// </summary>
public sealed class ZeroMappable : IMappable
{
    private ZeroMappable()
    {
    }

    /// <summary>The sign.</summary>
    public static ZeroMappable Instance { get; } = new();

    /// <inheritdoc/>
    public (ulong Device, ulong Inode) Identity => (0, 0);

    /// <inheritdoc/>
    public Errno Translate(
        ulong offset, ulong requiredBytes, ulong optionalBytes, Platform.MemoryAccess access,
            out Translation translation)
    {
        translation = default;
        return Errno.EFAULT;
    }

    /// <inheritdoc/>
    public Errno AddMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind) => Errno.ENODEV;

    /// <inheritdoc/>
    public void RemoveMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind)
    {
    }

    /// <inheritdoc/>
    public Errno SyncMapping(ulong offset, ulong lengthBytes) => Errno.None;
}
