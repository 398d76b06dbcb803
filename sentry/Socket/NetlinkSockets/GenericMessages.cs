using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Socket.NetlinkSockets;

/// <summary>
/// Answers of generic netlink (net/netlink/genetlink.c): the controller, which names the families, and TASKSTATS, the
/// account of a task or a process (Documentation/accounting/taskstats.rst).
/// </summary>
internal static class GenericMessages
{
    private const ushort StatisticsFamily = GenericNetlink.GENL_ID_CTRL + 1;
    private const int HeaderBytes = Netlink.NLMSG_HDRLEN + GenericNetlink.GENL_HDRLEN;
    private const int IdBytes = sizeof(uint);
    private const long NsPerMicrosecond = 1000;
    private const long NsPerSecond = 1000000000;

    private static readonly Family[] s_families =
    [
        new(GenericNetlink.GENL_ID_CTRL, "nlctrl", 2, 10, GenericNetlink.CTRL_CMD_GETFAMILY,
            GenericNetlink.GENL_CMD_CAP_DO | GenericNetlink.GENL_CMD_CAP_DUMP | GenericNetlink.GENL_CMD_CAP_HASPOL),
        new(StatisticsFamily, "TASKSTATS", TaskStatistics.TASKSTATS_GENL_VERSION,
            TaskStatistics.TASKSTATS_CMD_ATTR_MAX, TaskStatistics.TASKSTATS_CMD_GET,
            GenericNetlink.GENL_ADMIN_PERM | GenericNetlink.GENL_CMD_CAP_DO | GenericNetlink.GENL_CMD_CAP_HASPOL),
    ];

    /// <summary>Adds the answers to one request; <paramref name="message"/> has its header.</summary>
    internal static void Answer(Task task, ReadOnlySpan<byte> message, uint port, List<byte[]> answers)
    {
        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(message[4..]);
        if (type is Netlink.NLMSG_NOOP or Netlink.NLMSG_ERROR or Netlink.NLMSG_DONE)
        {
            return;
        }

        uint sequence = BinaryPrimitives.ReadUInt32LittleEndian(message[8..]);
        Errno error = message.Length < HeaderBytes ? Errno.EINVAL : type switch
        {
            GenericNetlink.GENL_ID_CTRL => Control(message, sequence, port, answers),
            StatisticsFamily => Statistics(task, message, sequence, port, answers),
            _ => Errno.ENOENT,
        };
        bool wantsWord = (BinaryPrimitives.ReadUInt16LittleEndian(message[6..]) & Netlink.NLM_F_ACK) != 0;
        if (error != Errno.None || wantsWord)
        {
            answers.Add(NetlinkMessages.Error(message, port, error));
        }
    }

    /// <summary>CTRL_CMD_GETFAMILY: one family by its name or number, or all.</summary>
    private static Errno Control(ReadOnlySpan<byte> message, uint sequence, uint port, List<byte[]> answers)
    {
        if (message[Netlink.NLMSG_HDRLEN] != GenericNetlink.CTRL_CMD_GETFAMILY)
        {
            return Errno.EOPNOTSUPP;
        }

        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(message[6..]);
        if ((flags & Netlink.NLM_F_DUMP) == Netlink.NLM_F_DUMP)
        {
            foreach (Family family in s_families)
            {
                answers.Add(Describe(family, sequence, port, Netlink.NLM_F_MULTI));
            }

            answers.Add(NetlinkMessages.Done(sequence, port));
            return Errno.None;
        }

        ReadOnlySpan<byte> attributes = message[HeaderBytes..];
        bool hasName = NetlinkMessages.TryFindAttribute(attributes, GenericNetlink.CTRL_ATTR_FAMILY_NAME,
            out ReadOnlySpan<byte> name);
        bool hasId = NetlinkMessages.TryFindAttribute(attributes, GenericNetlink.CTRL_ATTR_FAMILY_ID,
            out ReadOnlySpan<byte> id) && id.Length >= sizeof(ushort);
        foreach (Family family in s_families)
        {
            bool isIt = hasName ? name.TrimEnd((byte)0).SequenceEqual(Encoding.ASCII.GetBytes(family.Name))
                : hasId && BinaryPrimitives.ReadUInt16LittleEndian(id) == family.Id;
            if (isIt)
            {
                answers.Add(Describe(family, sequence, port, 0));
                return Errno.None;
            }
        }

        return hasName || hasId ? Errno.ENOENT : Errno.EINVAL;
    }

    private static byte[] Describe(Family family, uint sequence, uint port, ushort flags)
    {
        List<byte> operation = [];
        NetlinkMessages.AddAttribute(operation, GenericNetlink.CTRL_ATTR_OP_ID, BitConverter.GetBytes(family.Command));
        NetlinkMessages.AddAttribute(operation, GenericNetlink.CTRL_ATTR_OP_FLAGS,
            BitConverter.GetBytes(family.CommandFlags));
        List<byte> operations = [];
        NetlinkMessages.AddAttribute(operations, 1, [.. operation]);
        List<byte> body = new(new byte[HeaderBytes]);
        NetlinkMessages.AddAttribute(body, GenericNetlink.CTRL_ATTR_FAMILY_NAME,
            Encoding.ASCII.GetBytes(family.Name + "\0"));
        NetlinkMessages.AddAttribute(body, GenericNetlink.CTRL_ATTR_FAMILY_ID, BitConverter.GetBytes(family.Id));
        NetlinkMessages.AddAttribute(body, GenericNetlink.CTRL_ATTR_VERSION, BitConverter.GetBytes(family.Version));
        NetlinkMessages.AddAttribute(body, GenericNetlink.CTRL_ATTR_HDRSIZE, BitConverter.GetBytes(0u));
        NetlinkMessages.AddAttribute(body, GenericNetlink.CTRL_ATTR_MAXATTR,
            BitConverter.GetBytes(family.LastAttribute));
        NetlinkMessages.AddAttribute(body, GenericNetlink.CTRL_ATTR_OPS, [.. operations]);
        const byte ControlVersion = 2;
        return Finish(body, GenericNetlink.GENL_ID_CTRL, GenericNetlink.CTRL_CMD_NEWFAMILY, ControlVersion, flags,
            sequence, port);
    }

    private static byte[] Finish(
        List<byte> body, ushort type, byte command, byte version, ushort flags, uint sequence, uint port)
    {
        byte[] answer = [.. body];
        NetlinkMessages.WriteHeader(answer, type, flags, sequence, port);
        answer[Netlink.NLMSG_HDRLEN] = command;
        answer[Netlink.NLMSG_HDRLEN + 1] = version;
        return answer;
    }

    /// <summary>TASKSTATS_CMD_GET (kernel/taskstats.c): EPERM, EINVAL, ESRCH.</summary>
    private static Errno Statistics(
        Task task, ReadOnlySpan<byte> message, uint sequence, uint port, List<byte[]> answers)
    {
        if (message[Netlink.NLMSG_HDRLEN] != TaskStatistics.TASKSTATS_CMD_GET)
        {
            return Errno.EOPNOTSUPP;
        }

        if (!task.Credentials.IsCapable(Capability.CAP_NET_ADMIN))
        {
            return Errno.EPERM;
        }

        ReadOnlySpan<byte> attributes = message[HeaderBytes..];
        bool isTask = NetlinkMessages.TryFindAttribute(attributes, TaskStatistics.TASKSTATS_CMD_ATTR_PID,
            out ReadOnlySpan<byte> id);
        bool isProcess = !isTask && NetlinkMessages.TryFindAttribute(attributes,
            TaskStatistics.TASKSTATS_CMD_ATTR_TGID, out id);
        if ((!isTask && !isProcess) || id.Length < IdBytes)
        {
            return Errno.EINVAL;
        }

        int number = BinaryPrimitives.ReadInt32LittleEndian(id);
        Task? target = isTask ? task.PidNamespace.FindTask(number)
            : task.PidNamespace.Find(number)?.ThreadGroup?.Leader;
        if (target is null)
        {
            return Errno.ESRCH;
        }

        Taskstats figures = isTask ? Of(task, target, number) : OfProcess(target.ThreadGroup);
        List<byte> aggregate = [];
        NetlinkMessages.AddAttribute(aggregate,
            (ushort)(isTask ? TaskStatistics.TASKSTATS_TYPE_PID : TaskStatistics.TASKSTATS_TYPE_TGID),
            BitConverter.GetBytes(number));
        NetlinkMessages.AddAttribute(aggregate, TaskStatistics.TASKSTATS_TYPE_STATS,
            RawMemory.ReadOnlyBytes(in figures).ToArray());
        List<byte> body = new(new byte[HeaderBytes]);
        NetlinkMessages.AddAttribute(body,
            (ushort)(isTask ? TaskStatistics.TASKSTATS_TYPE_AGGR_PID : TaskStatistics.TASKSTATS_TYPE_AGGR_TGID),
            [.. aggregate]);
        answers.Add(Finish(body, StatisticsFamily, TaskStatistics.TASKSTATS_CMD_NEW,
            TaskStatistics.TASKSTATS_GENL_VERSION, 0, sequence, port));
        return Errno.None;
    }

    /// <summary>The account of one task (bacct_add_tsk, xacct_add_tsk); ids as the asker's namespaces have
    /// them.</summary>
    private static Taskstats Of(Task asker, Task target, int number)
    {
        UserNamespace users = asker.Credentials.UserNamespace;
        CpuTimes times = target.GetCpuTimes();
        ResourceCounters counters = target.Counters;
        Taskstats figures = Common(times, in counters);
        long ageNs = target.Kernel.MonotonicNowNs - target.StartTimeNs;
        long beganSeconds = (target.Kernel.RealtimeNowNs - ageNs) / NsPerSecond;
        Encoding.Latin1.GetBytes(target.Name, RawMemory.Bytes(ref figures.ac_comm)[..^1]);
        figures.ac_nice = (byte)target.Scheduling.Nice;
        figures.ac_sched = (byte)target.Scheduling.Policy;
        figures.ac_uid = users.FromKernelUidOrOverflow(target.Credentials.RealUid);
        figures.ac_gid = users.FromKernelGidOrOverflow(target.Credentials.RealGid);
        figures.ac_pid = (uint)number;
        figures.ac_ppid = (uint)target.ThreadGroup.ParentIdIn(asker.PidNamespace);
        figures.ac_tgid = (uint)target.ThreadGroup.Identity.NumberIn(asker.PidNamespace);
        figures.ac_btime = (uint)beganSeconds;
        figures.ac_btime64 = (ulong)beganSeconds;
        figures.ac_etime = (ulong)(ageNs / NsPerMicrosecond);
        figures.ac_tgetime = figures.ac_etime;
        figures.ac_utime = (ulong)(times.UserNs / NsPerMicrosecond);
        figures.ac_stime = (ulong)(times.SystemNs / NsPerMicrosecond);
        figures.ac_minflt = (ulong)counters.MinorFaults;
        figures.ac_majflt = (ulong)counters.MajorFaults;
        return figures;
    }

    /// <summary>The sums over the threads of a process (fill_stats_for_tgid).</summary>
    private static Taskstats OfProcess(ThreadGroup group) => Common(group.GetCpuTimes(), group.GetCounters());

    private static Taskstats Common(CpuTimes times, in ResourceCounters counters) => new()
    {
        version = TaskStatistics.TASKSTATS_VERSION,
        cpu_count = (ulong)(counters.VoluntarySwitches + counters.InvoluntarySwitches),
        cpu_run_real_total = (ulong)times.TotalNs,
        cpu_run_virtual_total = (ulong)times.TotalNs,
        cpu_scaled_run_real_total = (ulong)times.TotalNs,
        nvcsw = (ulong)counters.VoluntarySwitches,
        nivcsw = (ulong)counters.InvoluntarySwitches,
    };

    /// <summary>A family and its one command.</summary>
    private sealed record Family(
        ushort Id, string Name, uint Version, uint LastAttribute, uint Command, uint CommandFlags);
}
