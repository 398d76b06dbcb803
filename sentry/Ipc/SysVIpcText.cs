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
        SysVIpc ipc = SysVIpc.Of(reader);
        text.Append("       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid")
            .Append("      atime      dtime      ctime                   rss                  swap\n");
        using (ipc.Lock.Enter())
        {
            foreach (SharedMemorySegment segment in ipc.Segments.All)
            {
                AppendHead(text, segment);
                int creator = PidOf(reader, segment.CreatorPid);
                int last = PidOf(reader, segment.LastPid);
                text.Append(CultureInfo.InvariantCulture, $" {segment.SizeBytes,21} {creator,5} {last,5} ")
                    .Append(CultureInfo.InvariantCulture, $"{segment.Attaches,6} ");
                AppendOwner(text, reader, segment);
                text.Append(CultureInfo.InvariantCulture, $" {segment.AttachTimeNs / NsPerSecond,10}")
                    .Append(CultureInfo.InvariantCulture, $" {segment.DetachTimeNs / NsPerSecond,10}")
                    .Append(CultureInfo.InvariantCulture, $" {segment.ChangeTimeNs / NsPerSecond,10}")
                    .Append(CultureInfo.InvariantCulture, $" {segment.ResidentBytes,21} {0,21}\n");
            }
        }
    }

    /// <summary>/proc/sysvipc/sem.</summary>
    public static void AppendSemaphores(Task reader, StringBuilder text)
    {
        SysVIpc ipc = SysVIpc.Of(reader);
        text.Append("       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
        using (ipc.Lock.Enter())
        {
            foreach (SemaphoreSet set in ipc.Semaphores.All)
            {
                AppendHead(text, set);
                text.Append(CultureInfo.InvariantCulture, $" {set.Values.Length,10} ");
                AppendOwner(text, reader, set);
                text.Append(CultureInfo.InvariantCulture, $" {set.OperationTimeNs / NsPerSecond,10}")
                    .Append(CultureInfo.InvariantCulture, $" {set.ChangeTimeNs / NsPerSecond,10}\n");
            }
        }
    }

    /// <summary>/proc/sysvipc/msg.</summary>
    public static void AppendQueues(Task reader, StringBuilder text)
    {
        SysVIpc ipc = SysVIpc.Of(reader);
        text.Append("       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid")
            .Append("      stime      rtime      ctime\n");
        using (ipc.Lock.Enter())
        {
            foreach (MessageQueue queue in ipc.Queues.All)
            {
                AppendHead(text, queue);
                int sender = PidOf(reader, queue.LastSender);
                int receiver = PidOf(reader, queue.LastReceiver);
                text.Append(CultureInfo.InvariantCulture, $"  {queue.Bytes,10} {queue.Count,10} ")
                    .Append(CultureInfo.InvariantCulture, $"{sender,5} {receiver,5} ");
                AppendOwner(text, reader, queue);
                text.Append(CultureInfo.InvariantCulture, $" {queue.SendTimeNs / NsPerSecond,10}")
                    .Append(CultureInfo.InvariantCulture, $" {queue.ReceiveTimeNs / NsPerSecond,10}")
                    .Append(CultureInfo.InvariantCulture, $" {queue.ChangeTimeNs / NsPerSecond,10}\n");
            }
        }
    }

    private static void AppendHead(StringBuilder text, IpcObject item) =>
        text.Append(CultureInfo.InvariantCulture, $"{item.Key,10} {item.Id,10}  ")
            .Append(System.Convert.ToString(item.Mode, 8).PadLeft(4));

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
