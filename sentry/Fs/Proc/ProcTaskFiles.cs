using System;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs.Synthetic;
using static Abi.Linux.StatMode;

namespace Sentry.Fs.Proc;

/// <summary>Makes the inode of one file of a task's directory.</summary>
internal delegate SyntheticInode ProcTaskFileFactory(ProcTaskContext context, SyntheticIdentity identity);

/// <summary>Makes the text of one file of a task's directory; the task is alive.</summary>
internal delegate Errno ProcTaskText(ProcTaskContext context, Task target, Task reader, StringBuilder text);

/// <summary>Takes a write to one file of a task's directory.</summary>
internal delegate Errno ProcTaskWrite(ProcTaskContext context, Task target, Task writer, string text);

/// <summary>Who may read a file besides what its permission bits say.</summary>
internal enum ProcGuard
{
    /// <summary>Anybody.</summary>
    None,

    /// <summary>Who may inspect the task (ptrace(2) access mode READ).</summary>
    Inspect,
}

/// <summary>One file of /proc/PID.</summary>
internal sealed record ProcTaskFile(string Name, uint FileType, uint Permissions, ProcTaskFileFactory Make,
    ProcSelfKind? Only = null)
{
    internal bool IsShownFor(ProcSelfKind kind) => Only is null || Only == kind;
}

/// <summary>The files of /proc/PID (proc(5)), one line each.</summary>
internal static class ProcTaskFiles
{
    private const uint ReadAll = 0x124;
    private const uint ReadOwner = 0x100;
    private const uint ReadAllWriteOwner = 0x1A4;
    private const uint ReadWriteOwner = 0x180;
    private const uint ReadWriteAll = 0x1B6;

    internal static readonly ProcTaskFile[] All =
    [
        Text("auxv", ReadOwner, ProcMemoryFiles.AuxiliaryVector, ProcGuard.Inspect),
        Text("cgroup", ReadAll, (_, _, _, text) => Constant(text, "0::/\n")),
        Text("children", ReadAll, ProcStatusFiles.Children) with { Only = ProcSelfKind.Thread },
        Text("cmdline", ReadAll, ProcMemoryFiles.CommandLine),
        Text("cpuset", ReadAll, (_, _, _, text) => Constant(text, "/\n")),
        Text("comm", ReadAllWriteOwner, ProcStatusFiles.Name, ProcGuard.None, ProcStatusFiles.SetName,
            SyntheticWriting.AtPosition),
        Text("coredump_filter", ReadAllWriteOwner, ProcStatusFiles.CoreDumpFilter, ProcGuard.None,
            ProcStatusFiles.SetCoreDumpFilter),
        new("cwd", S_IFLNK, 0x1FF, (context, identity) => new ProcPathLink(context, identity,
            ProcPathKind.WorkingDirectory)),
        Text("environ", ReadOwner, ProcMemoryFiles.Environment, ProcGuard.Inspect),
        new("exe", S_IFLNK, 0x1FF, (context, identity) => new ProcPathLink(context, identity, ProcPathKind.Executable)),
        new("fd", S_IFDIR, 0x140, (context, identity) => new ProcDescriptorDirectory(context, identity,
            ProcDescriptorKind.Links)),
        new("fdinfo", S_IFDIR, 0x16D, (context, identity) =>
            new ProcDescriptorDirectory(context, identity, ProcDescriptorKind.Information)),
        Text("gid_map", ReadAllWriteOwner, ProcIdFiles.GroupMap, ProcGuard.None, ProcIdFiles.SetGroupMap,
            SyntheticWriting.AtStart),
        Text("io", ReadOwner, ProcStatusFiles.Io, ProcGuard.Inspect),
        Text("limits", ReadAll, ProcStatusFiles.Limits),
        Text("loginuid", ReadAllWriteOwner, (_, _, _, text) => Constant(text, "4294967295")),
        Text("maps", ReadAll, ProcMemoryFiles.Maps, ProcGuard.Inspect),
        new("mem", S_IFREG, ReadWriteOwner, (context, identity) => new ProcMemoryInode(context, identity)),
        Text("mountinfo", ReadAll, ProcMountFiles.MountInfo),
        Text("mounts", ReadAll, ProcMountFiles.Mounts),
        Text("mountstats", ReadOwner, ProcMountFiles.MountStatistics),
        new("net", S_IFDIR, 0x16D, (context, identity) => ProcNetFiles.Build(context, identity)),
        new("ns", S_IFDIR, 0x149, (context, identity) => new ProcNamespaceDirectory(context, identity)),
        Text("oom_adj", ReadAllWriteOwner, ProcStatusFiles.OomAdjust, ProcGuard.None, ProcStatusFiles.SetOomAdjust),
        Text("oom_score", ReadAll, ProcStatusFiles.OomScore),
        Text("oom_score_adj", ReadAllWriteOwner, ProcStatusFiles.OomScoreAdjust, ProcGuard.None,
            ProcStatusFiles.SetOomScoreAdjust),
        Text("personality", ReadOwner, ProcStatusFiles.Personality, ProcGuard.Inspect),
        new("root", S_IFLNK, 0x1FF, (context, identity) => new ProcPathLink(context, identity, ProcPathKind.Root)),
        Text("schedstat", ReadAll, ProcStatusFiles.SchedulerStatistics),
        Text("sessionid", ReadAll, (_, _, _, text) => Constant(text, "4294967295")),
        Text("setgroups", ReadAllWriteOwner, ProcIdFiles.SetGroupsState, ProcGuard.None, ProcIdFiles.ChangeSetGroups,
            SyntheticWriting.AtStart),
        Text("smaps", ReadAll, ProcMemoryFiles.DetailedMaps, ProcGuard.Inspect),
        Text("smaps_rollup", ReadAll, ProcMemoryFiles.MapsSummary, ProcGuard.Inspect),
        Text("stack", ReadOwner, (_, _, _, text) => Constant(text, "")),
        Text("stat", ReadAll, ProcStatusFiles.Stat),
        Text("statm", ReadAll, ProcMemoryFiles.Statm),
        Text("status", ReadAll, ProcStatusFiles.Status),
        Text("syscall", ReadOwner, ProcStatusFiles.SystemCall, ProcGuard.Inspect),
        new("task", S_IFDIR, 0x16D, (context, identity) => new ProcThreadsDirectory(context, identity),
            ProcSelfKind.Process),
        Text("timerslack_ns", ReadWriteAll, ProcStatusFiles.TimerSlack, ProcGuard.None, ProcStatusFiles.SetTimerSlack,
            SyntheticWriting.AtPosition),
        Text("uid_map", ReadAllWriteOwner, ProcIdFiles.UserMap, ProcGuard.None, ProcIdFiles.SetUserMap,
            SyntheticWriting.AtStart),
        Text("wchan", ReadAll, (_, _, _, text) => Constant(text, "0")),
    ];

    private static readonly Dictionary<string, int> s_byName = Index();

    /// <summary>Index in <see cref="All"/>, or -1.</summary>
    internal static int Find(string name) => s_byName.TryGetValue(name, out int index) ? index : -1;

    private static Dictionary<string, int> Index()
    {
        Dictionary<string, int> byName = [];
        for (int i = 0; i < All.Length; i++)
        {
            byName.Add(All[i].Name, i);
        }

        return byName;
    }

    private static Errno Constant(StringBuilder text, string content)
    {
        text.Append(content);
        return Errno.None;
    }

    private static ProcTaskFile Text(
        string name,
        uint permissions,
        ProcTaskText generate,
        ProcGuard guard = ProcGuard.None,
        ProcTaskWrite? write = null,
        SyntheticWriting writing = SyntheticWriting.Anywhere) =>
        new(name, S_IFREG, permissions, (context, identity) =>
            new ProcTaskTextFile(context, identity, generate, guard, write, writing));
}

/// <summary>A text file of a task's directory.</summary>
internal sealed class ProcTaskTextFile(
    ProcTaskContext context,
    SyntheticIdentity identity,
    ProcTaskText generate,
    ProcGuard guard,
    ProcTaskWrite? write,
    SyntheticWriting writing) : SyntheticFile(context.Proc, identity)
{
    /// <inheritdoc/>
    public override SyntheticWriting Writing => writing;

    /// <inheritdoc/>
    public override Errno Generate(Task reader, StringBuilder text)
    {
        if (context.Task is not { } target)
        {
            return Errno.ESRCH;
        }

        Errno errno = guard == ProcGuard.Inspect ? ProcAccess.MayInspect(reader, target) : Errno.None;
        return errno != Errno.None ? errno : generate(context, target, reader, text);
    }

    /// <inheritdoc/>
    public override Errno MayOpen(Task task, int flags) =>
        guard == ProcGuard.None || context.Task is not { } target ? Errno.None : ProcAccess.MayInspect(task, target);

    /// <inheritdoc/>
    public override Errno Write(Task writer, string text, long offset)
    {
        if (context.Task is not { } target)
        {
            return Errno.ESRCH;
        }

        return write is null ? Errno.EINVAL : write(context, target, writer, text);
    }
}
