using System;
using System.Globalization;
using System.Text;
using Sentry.Kernel;

namespace Sentry.Ipc;

/// <summary>/proc/sysvipc: one table per kind, as ipcs(1) reads them.</summary>
public static class SysVIpcText
{
    private const long NsPerSecond = 1000000000;

    /// <summary>/proc/sysvipc/shm.</summary>
    public static void AppendSegments(Task reader, StringBuilder text)
    {
        text.Append("       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid")
            .Append("      atime      dtime      ctime                   rss                  swap\n");
        Append(reader, text, static ipc => ipc.Segments, static (reader, text, segment) =>
        {
            int creator = PidOf(reader, segment.CreatorPid);
            int last = PidOf(reader, segment.LastPid);
            text.Append(CultureInfo.InvariantCulture, $" {segment.SizeBytes,21} {creator,5} {last,5} ")
                .Append(CultureInfo.InvariantCulture, $"{segment.Attaches,6} ");
            AppendOwner(text, reader, segment);
            AppendTimes(text, segment.AttachTimeNs, segment.DetachTimeNs, segment.ChangeTimeNs);
            text.Append(CultureInfo.InvariantCulture, $" {segment.ResidentBytes,21} {0,21}");
        });
    }

    /// <summary>/proc/sysvipc/sem.</summary>
    public static void AppendSemaphores(Task reader, StringBuilder text)
    {
        text.Append("       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
        Append(reader, text, static ipc => ipc.Semaphores, static (reader, text, set) =>
        {
            text.Append(CultureInfo.InvariantCulture, $" {set.Values.Length,10} ");
            AppendOwner(text, reader, set);
            AppendTimes(text, set.OperationTimeNs, set.ChangeTimeNs);
        });
    }

    /// <summary>/proc/sysvipc/msg.</summary>
    public static void AppendQueues(Task reader, StringBuilder text)
    {
        text.Append("       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid")
            .Append("      stime      rtime      ctime\n");
        Append(reader, text, static ipc => ipc.Queues, static (reader, text, queue) =>
        {
            int sender = PidOf(reader, queue.LastSender);
            int receiver = PidOf(reader, queue.LastReceiver);
            text.Append(CultureInfo.InvariantCulture, $"  {queue.Bytes,10} {queue.Count,10} ")
                .Append(CultureInfo.InvariantCulture, $"{sender,5} {receiver,5} ");
            AppendOwner(text, reader, queue);
            AppendTimes(text, queue.SendTimeNs, queue.ReceiveTimeNs, queue.ChangeTimeNs);
        });
    }

    /// <summary>One line per object of a kind: what all have, then the kind's own columns.</summary>
    private static void Append<T>(Task reader, StringBuilder text, Func<SysVIpc, IpcTable<T>> table,
        Action<Task, StringBuilder, T> appendColumns)
        where T : IpcObject
    {
        SysVIpc ipc = SysVIpc.Of(reader);
        using (ipc.Lock.Enter())
        {
            foreach (T item in table(ipc).All)
            {
                AppendHead(text, item);
                appendColumns(reader, text, item);
                text.Append('\n');
            }
        }
    }

    private static void AppendTimes(StringBuilder text, params ReadOnlySpan<long> timesNs)
    {
        foreach (long timeNs in timesNs)
        {
            text.Append(CultureInfo.InvariantCulture, $" {timeNs / NsPerSecond,10}");
        }
    }

    private static void AppendHead(StringBuilder text, IpcObject item) =>
        text.Append(CultureInfo.InvariantCulture, $"{item.Key,10} {item.Id,10}  ")
            .Append(Convert.ToString(item.Mode, 8).PadLeft(4));

    private static void AppendOwner(StringBuilder text, Task reader, IpcObject item)
    {
        UserNamespace viewer = reader.Credentials.UserNamespace;
        text.Append(CultureInfo.InvariantCulture, $"{viewer.FromKernelUidOrOverflow(item.Uid),5} ")
            .Append(CultureInfo.InvariantCulture, $"{viewer.FromKernelGidOrOverflow(item.Gid),5} ")
            .Append(CultureInfo.InvariantCulture, $"{viewer.FromKernelUidOrOverflow(item.CreatorUid),5} ")
            .Append(CultureInfo.InvariantCulture, $"{viewer.FromKernelGidOrOverflow(item.CreatorGid),5}");
    }

    private static int PidOf(Task reader, Pid? pid) => pid?.NumberIn(reader.PidNamespace) ?? 0;
}
