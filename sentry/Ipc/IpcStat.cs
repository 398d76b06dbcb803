namespace Sentry.Ipc;

/// <summary>How a command that describes an object names it.</summary>
internal enum IpcStat
{
    /// <summary>IPC_STAT: by its id.</summary>
    ById,

    /// <summary>SHM_STAT, SEM_STAT, MSG_STAT: by its slot.</summary>
    BySlot,

    /// <summary>SHM_STAT_ANY, SEM_STAT_ANY, MSG_STAT_ANY: by its slot, without the right to read it.</summary>
    BySlotForAll,
}
