using System;
using System.Globalization;
using System.Text;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Proc;

/// <summary>/proc/PID/status (fs/proc/array.c).</summary>
internal static class ProcStatusText
{
    internal static void Append(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        ThreadGroup group = target.ThreadGroup;
        PidNamespace pids = context.Proc.Pids;
        UserNamespace viewer = reader.Credentials.UserNamespace;
        Credentials credentials = target.Credentials;
        text.Append("Name:\t").Append(target.Name);
        uint umask = target.PeekFsContext()?.Umask ?? 0;
        text.Append("\nUmask:\t").Append('0').Append(System.Convert.ToString(umask, 8).PadLeft(3, '0'));
        text.Append("\nState:\t").Append(StateText(target.State));
        text.Append("\nTgid:\t").Append(group.Identity.NumberIn(pids)).Append("\nNgid:\t0\nPid:\t").Append(context.Id);
        text.Append("\nPPid:\t").Append(group.ParentIdIn(pids)).Append("\nTracerPid:\t");
        text.Append(target.Trace?.Tracer.ThreadGroup.Identity.NumberIn(pids) ?? 0).Append("\nUid:");
        AppendIds(text, viewer.FromKernelUidOrOverflow, [credentials.RealUid, credentials.EffectiveUid,
            credentials.SavedUid, credentials.FsUid]);
        text.Append("\nGid:");
        AppendIds(text, viewer.FromKernelGidOrOverflow, [credentials.RealGid, credentials.EffectiveGid,
            credentials.SavedGid, credentials.FsGid]);
        text.Append("\nFDSize:\t").Append(target.PeekFdTable()?.SlotCount ?? 0).Append("\nGroups:\t");
        text.Append(credentials.Groups.Length == 0 ? " " : "");
        foreach (uint gid in credentials.Groups)
        {
            text.Append(viewer.FromKernelGidOrOverflow(gid)).Append(' ');
        }

        AppendNumbers(text, "NStgid", group.Identity, pids);
        AppendNumbers(text, "NSpid", target.Identity, pids);
        AppendNumbers(text, "NSpgid", group.ProcessGroup.Identity, pids);
        AppendNumbers(text, "NSsid", group.Session.Identity, pids);
        text.Append('\n');
        AppendMemory(target, text);
        text.Append("CoreDumping:\t0\nTHP_enabled:\t").Append(group.HugePagesDisabled ? 0 : 1).Append("\nThreads:\t")
            .Append(group.LiveTasks).Append('\n');
        AppendSignals(target, text);
        AppendCredentials(target, credentials, text);
        int cpus = context.Proc.Kernel.CpuCount;
        ulong[] affinity = target.Scheduling.Affinity;
        text.Append("Cpus_allowed:\t").Append(CpuMaskText.Mask(affinity, cpus));
        text.Append("\nCpus_allowed_list:\t").Append(CpuMaskText.List(affinity, cpus));
        text.Append("\nMems_allowed:\t00000001\nMems_allowed_list:\t0\n");
        ResourceCounters counters = target.Counters;
        text.Append("voluntary_ctxt_switches:\t").Append(counters.VoluntarySwitches);
        text.Append("\nnonvoluntary_ctxt_switches:\t").Append(counters.InvoluntarySwitches).Append('\n');
    }

    private static string StateText(TaskState state) => state switch
    {
        TaskState.Running => "R (running)",
        TaskState.Sleeping => "S (sleeping)",
        TaskState.Uninterruptible => "D (disk sleep)",
        TaskState.Stopped => "T (stopped)",
        TaskState.Traced => "t (tracing stop)",
        TaskState.Zombie => "Z (zombie)",
        _ => "X (dead)",
    };

    private static void AppendIds(StringBuilder text, System.Func<uint, uint> map, System.ReadOnlySpan<uint> ids)
    {
        foreach (uint id in ids)
        {
            text.Append('\t').Append(map(id));
        }
    }

    private static void AppendNumbers(StringBuilder text, string name, Pid identity, PidNamespace viewer)
    {
        text.Append('\n').Append(name).Append(':');
        foreach (int number in identity.NumbersFrom(viewer))
        {
            text.Append('\t').Append(number);
        }
    }

    private static void AppendMemory(Task target, StringBuilder text)
    {
        const long PageTableShare = 512;
        MemoryTotals totals = ProcMemoryFiles.TotalsOf(target, out ProcessImage image, out MemoryUse use);
        if (totals.Size == 0)
        {
            return;
        }

        Line(text, "VmPeak", totals.PeakSize >> 10);
        Line(text, "VmSize", totals.Size >> 10);
        Line(text, "VmLck", totals.Locked >> 10);
        Line(text, "VmPin", 0);
        long exe = Math.Min(ProcMemoryFiles.TextBytes(in image), totals.Code);
        Line(text, "VmHWM", (long)use.PeakResident >> 10);
        Line(text, "VmRSS", (long)use.Resident >> 10);
        Line(text, "RssAnon", (long)use.Anonymous >> 10);
        Line(text, "RssFile", (long)use.File >> 10);
        Line(text, "RssShmem", (long)use.Shared >> 10);
        Line(text, "VmData", totals.Data >> 10);
        Line(text, "VmStk", totals.Stack >> 10);
        Line(text, "VmExe", exe >> 10);
        Line(text, "VmLib", (totals.Code - exe) >> 10);
        Line(text, "VmPTE", ((long)use.Resident / PageTableShare) >> 10);
        Line(text, "VmSwap", 0);
        Line(text, "HugetlbPages", 0);
    }

    private static void Line(StringBuilder text, string name, long kiB) =>
        text.Append(name).Append(":\t").Append(kiB.ToString(CultureInfo.InvariantCulture).PadLeft(8)).Append(" kB\n");

    private static void AppendSignals(Task target, StringBuilder text)
    {
        ThreadGroup group = target.ThreadGroup;
        text.Append("SigQ:\t").Append(target.Kernel.Accounts.Get(target.Credentials.RealUid).PendingSignals).Append(
            '/');
        text.Append(group.Limits.Soft(Abi.Linux.Resource.RLIMIT_SIGPENDING));
        group.Handlers.GetSets(out ulong ignored, out ulong caught);
        Mask(text, "SigPnd", target.PendingSet);
        Mask(text, "ShdPnd", group.SharedPending);
        Mask(text, "SigBlk", target.SignalMask);
        Mask(text, "SigIgn", ignored);
        Mask(text, "SigCgt", caught);
    }

    private static void AppendCredentials(Task target, Credentials credentials, StringBuilder text)
    {
        Mask(text, "CapInh", credentials.Inheritable);
        Mask(text, "CapPrm", credentials.Permitted);
        Mask(text, "CapEff", credentials.Effective);
        Mask(text, "CapBnd", credentials.Bounding);
        Mask(text, "CapAmb", credentials.Ambient);
        SeccompState? seccomp = target.SeccompState;
        text.Append("\nNoNewPrivs:\t").Append(target.NoNewPrivileges ? 1 : 0);
        text.Append("\nSeccomp:\t").Append(seccomp?.Mode ?? 0);
        text.Append("\nSeccomp_filters:\t").Append(seccomp?.Filter?.Count ?? 0).Append('\n');
    }

    private static void Mask(StringBuilder text, string name, ulong mask) =>
        text.Append('\n').Append(name).Append(":\t").Append(mask.ToString("x16", CultureInfo.InvariantCulture));}
