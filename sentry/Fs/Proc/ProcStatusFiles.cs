using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Fs.Proc;

/// <summary>Files that say what a task is and does.</summary>
internal static class ProcStatusFiles
{
    private const long NsPerTick = 10_000_000;

    private static readonly (string Name, string Unit)[] s_limits =
    [
        ("Max cpu time", "seconds"), ("Max file size", "bytes"), ("Max data size", "bytes"),
            ("Max stack size", "bytes"),
        ("Max core file size", "bytes"), ("Max resident set", "bytes"), ("Max processes", "processes"),
            ("Max open files", "files"),
        ("Max locked memory", "bytes"), ("Max address space", "bytes"), ("Max file locks", "locks"),
            ("Max pending signals", "signals"),
        ("Max msgqueue size", "bytes"), ("Max nice priority", ""), ("Max realtime priority", ""),
            ("Max realtime timeout", "us"),
    ];

    internal static Errno Name(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        text.Append(target.Name).Append('\n');
        return Errno.None;
    }

    internal static Errno SetName(ProcTaskContext context, Task target, Task writer, string text)
    {
        if (writer.ThreadGroup != target.ThreadGroup)
        {
            return Errno.EINVAL;
        }

        int end = text.IndexOfAny(['\n', '\0']);
        target.Name = end < 0 ? text : text[..end];
        return Errno.None;
    }

    internal static Errno Io(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        const int SectorBytes = 512;
        ResourceCounters counters = target.ThreadGroup.GetCounters();
        text.Append("rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: ").Append(counters.InputBlocks * SectorBytes);
        text.Append("\nwrite_bytes: ").Append(counters.OutputBlocks * SectorBytes).Append(
            "\ncancelled_write_bytes: 0\n");
        return Errno.None;
    }

    internal static Errno Limits(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        text.Append("Limit                     Soft Limit           Hard Limit           Units     \n");
        for (int i = 0; i < s_limits.Length; i++)
        {
            Rlimit limit = target.ThreadGroup.Limits.Get(i);
            text.Append(s_limits[i].Name.PadRight(26)).Append(LimitText(limit.rlim_cur).PadRight(21));
            text.Append(LimitText(limit.rlim_max).PadRight(21)).Append(
                s_limits[i].Unit.Length == 0 ? "" : s_limits[i].Unit.PadRight(10)).Append('\n');
        }

        return Errno.None;
    }

    internal static Errno OomScore(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        text.Append(System.Math.Max(0, 666 + (target.ThreadGroup.OomScoreAdjust * 2 / 3))).Append('\n');
        return Errno.None;
    }

    internal static Errno OomScoreAdjust(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        text.Append(target.ThreadGroup.OomScoreAdjust).Append('\n');
        return Errno.None;
    }

    internal static Errno SetOomScoreAdjust(ProcTaskContext context, Task target, Task writer, string text) =>
        ParseInt(text, out int value) && value is >= -1000 and <= 1000 ? ChangeOomScore(target, writer, value)
            : Errno.EINVAL;

    internal static Errno CoreDumpFilter(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        text.Append(target.ThreadGroup.CoreDumpFilter.ToString("x8", CultureInfo.InvariantCulture)).Append('\n');
        return Errno.None;
    }

    /// <summary>The nine kinds of mappings (core(5)); other bits are dropped.</summary>
    internal static Errno SetCoreDumpFilter(ProcTaskContext context, Task target, Task writer, string text)
    {
        const long Kinds = 0x1ff;
        if (!ProcNumbers.TryParse(text, out long value) || value is < 0 or > uint.MaxValue)
        {
            return Errno.EINVAL;
        }

        target.ThreadGroup.CoreDumpFilter = (uint)(value & Kinds);
        return Errno.None;
    }

    internal static Errno OomAdjust(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        int score = target.ThreadGroup.OomScoreAdjust;
        text.Append(score == 1000 ? 15 : score * 17 / 1000).Append('\n');
        return Errno.None;
    }

    internal static Errno SetOomAdjust(ProcTaskContext context, Task target, Task writer, string text) =>
        ParseInt(text, out int value) && value is >= -17 and <= 15
            ? ChangeOomScore(target, writer, value == 15 ? 1000 : value * 1000 / 17)
            : Errno.EINVAL;

    internal static Errno Personality(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        text.Append(target.Personality.ToString("x8", CultureInfo.InvariantCulture)).Append('\n');
        return Errno.None;
    }

    /// <summary>/proc/PID/task/TID/children: the processes this thread made or adopted.</summary>
    internal static Errno Children(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        List<ThreadGroup> children = [];
        target.ThreadGroup.CollectChildren(children);
        foreach (ThreadGroup child in children)
        {
            if (child.ParentTask == target)
            {
                text.Append(child.Identity.NumberIn(context.Proc.Pids)).Append(' ');
            }
        }

        return Errno.None;
    }

    /// <summary>/proc/PID/schedstat: time on a CPU, time spent waiting for one (which only the host knows), and how
    /// often it ran.</summary>
    internal static Errno SchedulerStatistics(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        ResourceCounters counters = target.Counters;
        text.Append(target.GetCpuTimes().TotalNs).Append(" 0 ");
        text.Append(counters.VoluntarySwitches + counters.InvoluntarySwitches).Append('\n');
        return Errno.None;
    }

    internal static Errno SystemCall(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        text.Append("running\n");
        return Errno.None;
    }

    internal static Errno TimerSlack(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        Errno errno = MayChangeSlack(target, reader);
        if (errno == Errno.None)
        {
            text.Append(target.TimerSlackNs).Append('\n');
        }

        return errno;
    }

    /// <summary>0 is the value a task starts with (fs/proc/base.c, timerslack_ns_write).</summary>
    internal static Errno SetTimerSlack(ProcTaskContext context, Task target, Task writer, string text)
    {
        bool isNumber = ulong.TryParse(text.TrimEnd('\n', '\0'), NumberStyles.None, CultureInfo.InvariantCulture,
            out ulong slackNs);
        Errno errno = isNumber ? MayChangeSlack(target, writer) : Errno.EINVAL;
        if (errno == Errno.None)
        {
            target.TimerSlackNs = slackNs == 0 ? Task.DefaultTimerSlackNs : slackNs;
        }

        return errno;
    }

    private static Errno MayChangeSlack(Task target, Task task) => target == task
        || task.Credentials.HasCapability(Capability.CAP_SYS_NICE, target.Credentials.UserNamespace)
            ? Errno.None : Errno.EPERM;

    /// <summary>/proc/PID/stat: 52 fields (proc(5)).</summary>
    internal static Errno Stat(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        ThreadGroup group = target.ThreadGroup;
        PidNamespace pids = context.Proc.Pids;
        bool isProcess = context.Kind == ProcSelfKind.Process;
        CpuTimes times = isProcess ? group.GetCpuTimes() : target.GetCpuTimes();
        CpuTimes children = group.GetChildrenCpuTimes();
        ResourceCounters counters = isProcess ? group.GetCounters() : target.Counters;
        ResourceCounters childCounters = group.GetChildrenCounters();
        IControllingTerminal? terminal = group.Session.Terminal;
        MemoryTotals memory = ProcMemoryFiles.TotalsOf(target, out ProcessImage image, out MemoryUse use);
        group.Handlers.GetSets(out ulong ignored, out ulong caught);
        bool mayInspect = ProcAccess.MayInspect(reader, target) == Errno.None;
        int foreground = terminal?.ForegroundGroup?.Identity.NumberIn(pids) ?? -1;
        text.Append(context.Id).Append(" (").Append(target.Name).Append(") ").Append(StateLetter(target.State));
        Fields(
            text,
            [group.ParentIdIn(pids), group.ProcessGroup.Identity.NumberIn(pids), group.Session.Identity.NumberIn(pids),
             (long)(terminal?.DeviceNumber ?? 0), foreground, 0, counters.MinorFaults, childCounters.MinorFaults,
                 counters.MajorFaults,
             childCounters.MajorFaults, times.UserNs / NsPerTick, times.SystemNs / NsPerTick,
                 children.UserNs / NsPerTick,
             children.SystemNs / NsPerTick, 20 + target.Scheduling.Nice, target.Scheduling.Nice, group.LiveTasks, 0,
             target.StartTimeNs / NsPerTick, memory.Size, (long)use.Resident / 4096]);
        text.Append(' ').Append(group.Limits.Soft(Resource.RLIMIT_RSS));
        Fields(
            text,
            mayInspect ? [(long)image.StartCode, (long)image.EndCode, (long)image.StartStack, 0, 0] : [1, 1, 0, 0, 0]);
        Fields(
            text,
            [(long)(target.AllPending & 0x7fffffff), (long)(target.SignalMask & 0x7fffffff),
                (long)(ignored & 0x7fffffff),
             (long)(caught & 0x7fffffff), 0, 0, 0, group.ExitSignal, 0, target.Scheduling.Priority,
                 target.Scheduling.Policy, 0, 0, 0]);
        Fields(
            text,
            mayInspect
                ? [(long)image.StartData, (long)image.EndData, 0, (long)image.ArgumentStart, (long)image.ArgumentEnd,
                   (long)image.EnvironmentStart, (long)image.EnvironmentEnd, group.WaitStatusValue]
                : [0, 0, 0, 0, 0, 0, 0, 0]);
        text.Append('\n');
        return Errno.None;
    }

    internal static Errno Status(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        ProcStatusText.Append(context, target, reader, text);
        return Errno.None;
    }

    internal static char StateLetter(TaskState state) => state switch
    {
        TaskState.Running => 'R',
        TaskState.Sleeping => 'S',
        TaskState.Uninterruptible => 'D',
        TaskState.Stopped => 'T',
        TaskState.Traced => 't',
        TaskState.Zombie => 'Z',
        _ => 'X',
    };

    internal static bool ParseInt(string text, out int value)
    {
        bool isNumber = ProcNumbers.TryParse(text, out long number) && number is >= int.MinValue and <= int.MaxValue;
        value = isNumber ? (int)number : 0;
        return isNumber;
    }

    private static void Fields(StringBuilder text, System.ReadOnlySpan<long> values)
    {
        foreach (long value in values)
        {
            text.Append(' ').Append(value);
        }
    }

    private static string LimitText(ulong value) =>
        value == ulong.MaxValue ? "unlimited" : value.ToString(CultureInfo.InvariantCulture);

    private static Errno ChangeOomScore(Task target, Task writer, int value)
    {
        if (value < target.ThreadGroup.OomScoreAdjust && !writer.Credentials.IsCapable(Capability.CAP_SYS_RESOURCE))
        {
            return Errno.EACCES;
        }

        target.ThreadGroup.OomScoreAdjust = value;
        return Errno.None;
    }
}
