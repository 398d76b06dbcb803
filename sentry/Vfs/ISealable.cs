using Abi.Linux;

namespace Sentry.Vfs;

/// <summary>A file that takes seals (memfd_create(2), fcntl(2) F_ADD_SEALS).</summary>
public interface ISealable
{
    /// <summary>F_SEAL_* bits set.</summary>
    int Seals { get; }

    /// <summary>
    /// Adds seals: EPERM (sealed against it, or not writable), EBUSY (F_SEAL_WRITE with writable mappings), EINVAL.
    /// </summary>
    Errno AddSeals(uint seals);
}
