using Abi.Linux;

namespace Sentry.Ipc;

/// <summary>What one namespace allows of System V IPC (sysvipc(7); /proc/sys/kernel). Any thread; a limit that is
/// lowered takes nothing away from what is there.</summary>
internal sealed class IpcLimits
{
    /// <summary>kernel.msgmax: bytes of one message.</summary>
    internal int MessageBytes { get; set; } = Msg.MSGMAX;

    /// <summary>kernel.msgmnb: bytes of a new queue.</summary>
    internal int QueueBytes { get; set; } = Msg.MSGMNB;

    /// <summary>kernel.shmmax: bytes of one segment.</summary>
    internal ulong SegmentBytes { get; set; } = Shm.SHMMAX;

    /// <summary>kernel.shmall: pages of all segments.</summary>
    internal ulong SharedPages { get; set; } = Shm.SHMALL;

    /// <summary>SEMMSL, the first of kernel.sem: semaphores of one set.</summary>
    internal int SemaphoresOfSet { get; set; } = Sem.SEMMSL;

    /// <summary>SEMMNS, the second: semaphores of all sets.</summary>
    internal int Semaphores { get; set; } = Sem.SEMMNS;

    /// <summary>SEMOPM, the third: operations of one call.</summary>
    internal int Operations { get; set; } = Sem.SEMOPM;
}
