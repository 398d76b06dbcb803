using Abi.Linux;

namespace Sentry.Vfs;

/// <summary>A file that may take seals (memfd_create(2), fcntl(2) F_ADD_SEALS).</summary>
public interface ISealable
{
    /// <summary>F_SEAL_* bits set; EINVAL when this file has no seals.</summary>
    Errno GetSeals(out uint seals);

    /// <summary>
    /// Adds seals: EPERM (sealed against it, or not writable), EBUSY (F_SEAL_WRITE with writable mappings), EINVAL.
    /// </summary>
    Errno AddSeals(uint seals);
}
