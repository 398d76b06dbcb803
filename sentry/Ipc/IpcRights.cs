namespace Sentry.Ipc;

/// <summary>What calls ask of an object: the permission bits of every class (ipc/util.c, ipcperms).</summary>
internal static class IpcRights
{
    /// <summary>S_IRUGO.</summary>
    public const uint Read = 0x124;

    /// <summary>S_IWUGO: writing messages and memory, altering semaphores.</summary>
    public const uint Write = 0x92;

    /// <summary>S_IXUGO: SHM_EXEC.</summary>
    public const uint Execute = 0x49;
}
