using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Ipc.PosixQueues;

/// <summary>
/// The limits of POSIX queues in one namespace (mq_overview(7), /proc/sys/fs/mqueue) and what users consume of
/// RLIMIT_MSGQUEUE.
/// </summary>
internal sealed class PosixQueueLimits
{
    private const long HardMaxMessages = 65536;
    private const long HardMaxMessageBytes = 16 * 1024 * 1024;

    // What Linux counts per message and per priority in use beyond the bytes (sizes of its structures).
    private const long MessageOverheadBytes = 48;
    private const long NodeOverheadBytes = 48;

    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly Dictionary<uint, long> _bytesOfUser = new();
    private int _queues;

    /// <summary>fs.mqueue.queues_max.</summary>
    public int MaxQueues { get; set; } = 256;

    /// <summary>fs.mqueue.msg_max.</summary>
    public long MaxMessages { get; set; } = 10;

    /// <summary>fs.mqueue.msgsize_max.</summary>
    public long MaxMessageBytes { get; set; } = 8192;

    /// <summary>fs.mqueue.msg_default: of a queue made without attributes, at most
    /// <see cref="MaxMessages"/>.</summary>
    public long DefaultMessages { get; set; } = 10;

    /// <summary>fs.mqueue.msgsize_default, at most <see cref="MaxMessageBytes"/>.</summary>
    public long DefaultMessageBytes { get; set; } = 8192;

    /// <summary>Attributes of a queue made without any.</summary>
    public MqAttr DefaultAttributes => new()
    {
        mq_maxmsg = Math.Min(MaxMessages, DefaultMessages),
        mq_msgsize = Math.Min(MaxMessageBytes, DefaultMessageBytes),
    };

    /// <summary>What a queue counts.</summary>
    public static long CostOf(long maxMessages, long messageBytes)
    {
        long nodes = Math.Min(maxMessages, Mqueue.MQ_PRIO_MAX);
        return (maxMessages * (messageBytes + MessageOverheadBytes)) + (nodes * NodeOverheadBytes);
    }

    /// <summary>mq_attr_ok: EINVAL.</summary>
    public Errno Check(Task task, long maxMessages, long messageBytes)
    {
        bool isPrivileged = task.Credentials.IsCapable(Capability.CAP_SYS_RESOURCE);
        long most = isPrivileged ? HardMaxMessages : MaxMessages;
        long largest = isPrivileged ? HardMaxMessageBytes : MaxMessageBytes;
        bool isOk = maxMessages > 0 && messageBytes > 0 && maxMessages <= most && messageBytes <= largest;
        return isOk ? Errno.None : Errno.EINVAL;
    }

    /// <summary>Takes a new queue from the user's account: ENOSPC, EMFILE.</summary>
    public Errno Charge(Task task, uint uid, long bytes)
    {
        ulong limit = task.ThreadGroup.Limits.Soft(Resource.RLIMIT_MSGQUEUE);
        using (_lock.Enter())
        {
            if (_queues >= MaxQueues && !task.Credentials.IsCapable(Capability.CAP_SYS_RESOURCE))
            {
                return Errno.ENOSPC;
            }

            long used = _bytesOfUser.GetValueOrDefault(uid);
            if ((ulong)(used + bytes) > limit)
            {
                return Errno.EMFILE;
            }

            _bytesOfUser[uid] = used + bytes;
            _queues++;
            return Errno.None;
        }
    }

    /// <summary>Gives a queue back.</summary>
    public void Uncharge(uint uid, long bytes)
    {
        using (_lock.Enter())
        {
            _bytesOfUser[uid] -= bytes;
            _queues--;
        }
    }
}
