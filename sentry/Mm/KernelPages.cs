using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>Pages of the memory file that the kernel owns and maps into programs: the vDSO and its data.</summary>
internal sealed class KernelPages : IMappable
{
    private readonly MemoryFile _file;
    private readonly ulong _offset;
    private readonly ulong _lengthBytes;

    public KernelPages(MemoryFile file, ulong offset, ulong lengthBytes)
    {
        _file = file;
        _offset = offset;
        _lengthBytes = (lengthBytes + GuestAddress.PageSize - 1) & ~(GuestAddress.PageSize - 1);
    }

    /// <inheritdoc/>
    public (ulong Device, ulong Inode) Identity => (0, 0);

    /// <inheritdoc/>
    public Errno Translate(
        ulong offset, ulong requiredBytes, ulong optionalBytes, MemoryAccess access, out Translation translation)
    {
        translation = default;
        if (offset >= _lengthBytes || requiredBytes > _lengthBytes - offset)
        {
            return Errno.EFAULT;
        }

        translation.Backing = _file;
        translation.BackingOffset = _offset + offset;
        translation.LengthBytes = System.Math.Min(System.Math.Max(requiredBytes, optionalBytes), _lengthBytes - offset);
        translation.Allowed = MemoryAccess.Read | MemoryAccess.Write | MemoryAccess.Execute;
        _file.AddReference(translation.BackingOffset, translation.LengthBytes);
        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno AddMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind) => Errno.None;

    /// <inheritdoc/>
    public void RemoveMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind)
    {
    }

    /// <inheritdoc/>
    public Errno SyncMapping(ulong offset, ulong lengthBytes) => Errno.None;
}
