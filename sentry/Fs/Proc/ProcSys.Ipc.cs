using System;
using System.Globalization;
using Abi.Linux;
using Sentry.Ipc;
using Sentry.Ipc.PosixQueues;
using Sentry.Kernel;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Proc;

/// <summary>The settings of IPC: of the namespace of whoever reads or writes (ipc_namespaces(7)).</summary>
internal sealed partial class ProcSys
{
    private const long MaxObjects = 32768;

    /// <summary>Messages are kept in the Sentry's own memory, so these bounds are lower than Linux's.</summary>
    private const long MostMessageBytes = 1 << 20;
    private const long MostQueueBytes = 16 << 20;
    private const long MaxQueueMessages = 65536;
    private const long MinQueueMessageBytes = 128;
    private const long MaxQueueMessageBytes = 16 << 20;

    /// <summary>/proc/sys/kernel/{msg,sem,shm}* (sysvipc(7), proc(5)).</summary>
    private void AddSystemV(FixedDirectory directory)
    {
        Setting(directory, "msgmax", 0, MostMessageBytes, task => SysVIpc.Of(task).Limits.MessageBytes, (task, value) =>
            SysVIpc.Of(task).Limits.MessageBytes = (int)value);
        Setting(directory, "msgmnb", 0, MostQueueBytes, task => SysVIpc.Of(task).Limits.QueueBytes, (task, value) =>
            SysVIpc.Of(task).Limits.QueueBytes = (int)value);
        Setting(directory, "msgmni", 0, MaxObjects, task => SysVIpc.Of(task).Queues.Limit, (task, value) =>
            SysVIpc.Of(task).Queues.Limit = (int)value);
        Setting(directory, "shmmni", 0, MaxObjects, task => SysVIpc.Of(task).Segments.Limit, (task, value) =>
            SysVIpc.Of(task).Segments.Limit = (int)value);
        Computed(directory, "sem", Semaphores, SetSemaphores);
        Computed(directory, "shmall", task => Unsigned(SysVIpc.Of(task).Limits.SharedPages), (task, text) =>
            SetUnsigned(text, value => SysVIpc.Of(task).Limits.SharedPages = value));
        Computed(directory, "shmmax", task => Unsigned(SysVIpc.Of(task).Limits.SegmentBytes), (task, text) =>
            SetUnsigned(text, value => SysVIpc.Of(task).Limits.SegmentBytes = value));
    }

    /// <summary>/proc/sys/fs/mqueue (mq_overview(7)).</summary>
    private void AddPosixQueues(FixedDirectory directory)
    {
        Setting(directory, "msg_default", 1, MaxQueueMessages, task => LimitsOf(task).DefaultMessages,
            (task, value) => LimitsOf(task).DefaultMessages = value);
        Setting(directory, "msg_max", 1, MaxQueueMessages, task => LimitsOf(task).MaxMessages, (task, value) =>
            LimitsOf(task).MaxMessages = value);
        Setting(directory, "msgsize_default", MinQueueMessageBytes, MaxQueueMessageBytes,
            task => LimitsOf(task).DefaultMessageBytes, (task, value) => LimitsOf(task).DefaultMessageBytes = value);
        Setting(directory, "msgsize_max", MinQueueMessageBytes, MaxQueueMessageBytes,
            task => LimitsOf(task).MaxMessageBytes, (task, value) => LimitsOf(task).MaxMessageBytes = value);
        Setting(directory, "queues_max", 0, int.MaxValue, task => LimitsOf(task).MaxQueues, (task, value) =>
            LimitsOf(task).MaxQueues = (int)value);
    }

    private static PosixQueueLimits LimitsOf(Task task) => PosixQueues.Of(task).Limits;

    /// <summary>A number within bounds that can be written.</summary>
    private void Setting(FixedDirectory directory, string name, long least, long most, Func<Task, long> get,
        Action<Task, long> set) =>
        Computed(directory, name, task => Number(get(task)), (task, text) =>
        {
            if (!ProcNumbers.TryParse(text, out long value) || value < least || value > most)
            {
                return Errno.EINVAL;
            }

            set(task, value);
            return Errno.None;
        });

    private static string Unsigned(ulong value) => value.ToString(CultureInfo.InvariantCulture);

    private static Errno SetUnsigned(string text, Action<ulong> set)
    {
        string number = text.Trim(' ', '\t', '\n', '\0');
        if (!ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value))
        {
            return Errno.EINVAL;
        }

        set(value);
        return Errno.None;
    }

    /// <summary>SEMMSL, SEMMNS, SEMOPM, SEMMNI.</summary>
    private static string Semaphores(Task reader)
    {
        SysVIpc ipc = SysVIpc.Of(reader);
        return Number(ipc.Limits.SemaphoresOfSet) + "\t" + Number(ipc.Limits.Semaphores) + "\t"
            + Number(ipc.Limits.Operations) + "\t" + Number(ipc.Semaphores.Limit);
    }

    /// <summary>As many of the four as are given, from the first.</summary>
    private static Errno SetSemaphores(Task writer, string text)
    {
        string[] words = text.Trim('\n', '\0').Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        SysVIpc ipc = SysVIpc.Of(writer);
        int[] values = [ipc.Limits.SemaphoresOfSet, ipc.Limits.Semaphores, ipc.Limits.Operations,
            ipc.Semaphores.Limit];
        for (int i = 0; i < Math.Min(words.Length, values.Length); i++)
        {
            bool isNumber = ProcStatusFiles.ParseInt(words[i], out values[i]);
            if (!isNumber || values[i] < 0 || (i == values.Length - 1 && values[i] > MaxObjects))
            {
                return Errno.EINVAL;
            }
        }

        ipc.Limits.SemaphoresOfSet = values[0];
        ipc.Limits.Semaphores = values[1];
        ipc.Limits.Operations = values[2];
        ipc.Semaphores.Limit = values[^1];
        return Errno.None;
    }
}
