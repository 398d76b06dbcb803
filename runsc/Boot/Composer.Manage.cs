using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Runsc.Sandbox;
using Sentry.Kernel;
using Sentry.Mm;

namespace Runsc.Boot;

/// <summary>What clients of the control socket ask about the running sandbox.</summary>
internal sealed partial class Composer
{
    private const int CommandLimit = 512;
    private const string NoLog = "the container has no debug log; name one with --debug-log";

    /// <summary>Signals one process; null, or one line.</summary>
    internal string? SignalProcess(int pid, int signal)
    {
        ThreadGroup? group = Pids.FindThreadGroup(pid);
        Errno errno = group is null ? Errno.ESRCH
            : group.SendSignal(new SigInfo { si_signo = signal, si_code = SigCode.SI_USER });
        return errno == Errno.None ? null : "no such process: " + pid;
    }

    /// <summary>Stops all tasks of the container, with the sandbox's own those of every other too; null, or one
    /// line.</summary>
    internal string? Pause()
    {
        if (First is null || Kernel.IsFrozen(Scope))
        {
            return "container not running";
        }

        Kernel.Freeze(Scope);
        return null;
    }

    /// <summary>Undoes <see cref="Pause"/>; null, or one line.</summary>
    internal string? Resume()
    {
        if (First is null || !Kernel.IsFrozen(Scope))
        {
            return "container not paused";
        }

        Kernel.Thaw(Scope);
        return null;
    }

    /// <summary>All processes that have not been reaped, in the order of their ids.</summary>
    internal List<ProcessEntry> Processes()
    {
        List<ThreadGroup> groups = [];
        Pids.CollectThreadGroups(groups);
        List<ProcessEntry> result = [];
        foreach (ThreadGroup group in groups)
        {
            CpuTimes times = group.GetCpuTimes();
            result.Add(new ProcessEntry
            {
                Pid = group.Identity.NumberIn(Pids),
                ParentPid = group.ParentIdIn(Pids),
                Uid = group.Leader.Credentials.RealUid,
                Tasks = group.LiveTasks,
                CpuNs = times.UserNs + times.SystemNs,
                AgeNs = Math.Max(0, Kernel.MonotonicNowNs - group.Leader.StartTimeNs),
                ResidentBytes = ResidentBytes(group),
                State = StateLetter(group.Leader.State),
                Command = CommandOf(group),
            });
        }

        return result;
    }

    /// <summary>What the sandbox uses.</summary>
    internal SandboxStatistics Statistics()
    {
        MemoryFile memory = Memory;
        SandboxStatistics result = new()
        {
            MemoryBytes = (long)memory.UsedBytes,
            MemoryLimitBytes = (long)Math.Min(memory.LimitBytes, long.MaxValue),
            AnonymousBytes = (long)memory.AllocatedBytes(MemoryKind.Anonymous),
            SharedBytes = (long)memory.AllocatedBytes(MemoryKind.Shared),
            PageCacheBytes = (long)memory.AllocatedBytes(MemoryKind.PageCache),
            KernelBytes = (long)memory.AllocatedBytes(MemoryKind.Kernel),
            Tasks = Kernel.TaskCount,
            TaskLimit = Kernel.MaxTasks,
            OomKills = Kernel.OomKills,
        };
        List<ThreadGroup> groups = [];
        Pids.CollectThreadGroups(groups);
        if (_sandbox is not null)
        {
            CountOwn(groups, result);
        }

        foreach (ThreadGroup group in groups)
        {
            CpuTimes own = group.GetCpuTimes();
            CpuTimes children = group.GetChildrenCpuTimes();
            result.UserNs += own.UserNs + children.UserNs;
            result.SystemNs += own.SystemNs + children.SystemNs;
        }

        return result;
    }

    /// <summary>New limits; 0 leaves one alone, negative lifts it. Null, or one line.</summary>
    internal string? Update(ControlRequest request)
    {
        long memoryBytes = request.MemoryLimitBytes;
        long tasks = request.PidsLimit;
        if (_sandbox is not null)
        {
            UpdateMember(memoryBytes, tasks);
            return null;
        }

        if (memoryBytes != 0)
        {
            Kernel.MemoryFile.LimitBytes = memoryBytes > 0 ? (ulong)memoryBytes
                : Kernel.MachineMemoryBytes;
        }

        if (tasks != 0)
        {
            Kernel.MaxTasks = tasks > 0 ? (int)Math.Min(tasks, MostTasks) : MostTasks;
        }

        CpuBandwidth now = Kernel.CpuBandwidth;
        Kernel.CpuBandwidth = new CpuBandwidth(request.CpuQuotaUs != 0 ? request.CpuQuotaUs : now.QuotaUs,
            request.CpuPeriodUs > 0 ? request.CpuPeriodUs : now.PeriodUs,
            request.CpuWeight > 0 ? request.CpuWeight : now.Weight);
        return null;
    }

    /// <summary>What the debug log takes from now on; null, or one line.</summary>
    internal string? SetLogLevel(int level)
    {
        if (!_log.IsOpen)
        {
            return NoLog;
        }

        _log.Level = (LogLevel)Math.Clamp(level, (int)LogLevel.Warning, (int)LogLevel.Debug);
        return null;
    }

    /// <summary>Notes in the debug log what a client asks.</summary>
    internal void NoteRequest(ControlRequest request) =>
        _log.Write("control: " + request.Kind + (request.Container is { Length: > 0 } id ? " " + id : "")
            + (request.Number != 0 ? " " + request.Number : ""), LogLevel.Debug);

    private void UpdateMember(long memoryBytes, long tasks)
    {
        lock (_leaving)
        {
            if (_hasLeft || Scope is not { } scope)
            {
                return;
            }

            if (memoryBytes != 0)
            {
                scope.Memory.LimitBytes = memoryBytes > 0 ? (ulong)memoryBytes : ulong.MaxValue;
            }

            if (tasks != 0)
            {
                scope.MaxTasks = tasks > 0 ? (int)Math.Min(tasks, int.MaxValue) : int.MaxValue;
            }
        }
    }

    /// <summary>Switches strace lines on or off, after it has turned the debug log to <paramref name="log"/>; null, or
    /// one line.</summary>
    internal string? Trace(RequestKind kind, HostFd? log)
    {
        if (log is not null)
        {
            _log.Redirect(log);
        }

        if (kind == RequestKind.StopTrace)
        {
            Kernel.StopTracing();
            return null;
        }

        if (!_log.IsOpen)
        {
            return NoLog;
        }

        Kernel.StartTracing();
        return null;
    }

    private static long ResidentBytes(ThreadGroup group)
    {
        if (group.Leader.AcquireMm() is not { } mm)
        {
            return 0;
        }

        long result = (long)mm.ResidentBytes;
        mm.DropUser();
        return result;
    }

    /// <summary>The arguments, or the name in brackets of a process without memory, as ps(1) shows them.</summary>
    private static string CommandOf(ThreadGroup group)
    {
        string command = group.Leader.CommandLine(CommandLimit).Replace('\0', ' ').TrimEnd(' ');
        return command.Length > 0 ? command : "[" + group.Leader.Name + "]";
    }

    private static string StateLetter(TaskState state) => state switch
    {
        TaskState.Running => "R",
        TaskState.Uninterruptible => "D",
        TaskState.Stopped => "T",
        TaskState.Traced => "t",
        TaskState.Zombie or TaskState.Dead => "Z",
        _ => "S",
    };
}
