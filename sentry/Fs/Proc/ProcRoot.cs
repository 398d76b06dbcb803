using System.Collections.Generic;
using System.Globalization;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Proc;

/// <summary>The root of proc: global files, then a directory for each process.</summary>
internal sealed class ProcRoot : FixedDirectory
{
    private const long FirstPidCookie = 1 << 20;
    private const byte DirectoryType = 4;

    private readonly ProcSuperBlock _proc;

    internal ProcRoot(ProcSuperBlock proc)
        : base(proc, new SyntheticIdentity(1, 0x16D))
    {
        _proc = proc;
        Add("self", new ProcSelfLink(proc, ProcSelfKind.Process));
        Add("thread-self", new ProcSelfLink(proc, ProcSelfKind.Thread));
        Add("mounts", new ConstantLink(proc, proc.NextNumber(), "self/mounts"));
        Add("net", new ConstantLink(proc, proc.NextNumber(), "self/net"));
        ProcGlobalFiles.AddTo(this, proc);
        Add("sys", ProcSys.Build(proc));
        ProcIpcFiles.AddTo(this, proc);
    }

    /// <inheritdoc/>
    public override Errno List(Task task, List<SyntheticEntry> entries)
    {
        base.List(task, entries);
        List<ThreadGroup> groups = [];
        _proc.Pids.CollectThreadGroups(groups);
        foreach (ThreadGroup group in groups)
        {
            int pid = group.Identity.NumberIn(_proc.Pids);
            string name = pid.ToString(CultureInfo.InvariantCulture);
            entries.Add(new SyntheticEntry(FirstPidCookie + pid, name, ProcSuperBlock.TaskNumber(pid, 0),
                DirectoryType));
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Lookup(Task task, string name, out Inode? child)
    {
        if (!TryParseId(name, out int id))
        {
            return base.Lookup(task, name, out child);
        }

        child = _proc.Pids.FindTask(id) is { } found ? ProcTaskDirectory.ForProcess(_proc, found, id) : null;
        return child is null ? Errno.ENOENT : Errno.None;
    }

    /// <summary>A process id as a directory name: digits without a leading zero.</summary>
    internal static bool TryParseId(string name, out int id)
    {
        id = 0;
        return name.Length > 0 && name[0] is >= '1' and <= '9'
            && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out id);
    }
}

/// <summary>Which of the reader's ids a link names.</summary>
internal enum ProcSelfKind
{
    Process,
    Thread,
}

/// <summary>/proc/self and /proc/thread-self.</summary>
internal sealed class ProcSelfLink(ProcSuperBlock proc, ProcSelfKind kind)
    : SyntheticLink(proc, new SyntheticIdentity(proc.NextNumber(), 0x1FF))
{
    /// <inheritdoc/>
    public override Errno ReadLink(Task task, out string target)
    {
        int pid = task.ThreadGroup.Identity.NumberIn(proc.Pids);
        int tid = task.Identity.NumberIn(proc.Pids);
        string process = pid.ToString(CultureInfo.InvariantCulture);
        target = kind == ProcSelfKind.Process ? process : process + "/task/"
            + tid.ToString(CultureInfo.InvariantCulture);
        return pid == 0 ? Errno.ENOENT : Errno.None;
    }
}
