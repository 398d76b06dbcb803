using System.Globalization;
using System.Text;
using Abi.Linux;
using HostOs;

namespace Runsc.Containers;

/// <summary>A process of the host that cannot be mistaken for a later one with its id: id and start time in ticks
/// since boot (proc(5), /proc/pid/stat, field 22).</summary>
internal readonly record struct HostProcess(int Pid, ulong StartTicks)
{
    private const int StatBytes = 4096;
    private const char Zombie = 'Z';
    private const char Gone = 'X';

    /// <summary>The process that has the id now.</summary>
    internal static HostProcess Identify(int pid) => Identify(pid, out _);

    /// <summary>The same, and who its parent is.</summary>
    internal static HostProcess Identify(int pid, out int parent) =>
        TryRead(pid, out _, out ulong start, out parent) ? new HostProcess(pid, start) : default;

    /// <summary>True while it is there and no zombie.</summary>
    internal bool IsAlive => State is not (Zombie or Gone);

    /// <summary>True when it does nothing: a signal has stopped it, or it has ended.</summary>
    internal bool IsStopped => State is 'T' or 't' or Zombie or Gone;

    private char State =>
        Pid > 0 && TryRead(Pid, out char state, out ulong start, out _) && start == StartTicks ? state : Gone;

    /// <summary>A descriptor for it; ESRCH when it is gone.</summary>
    internal Errno Open(out HostFd? pidFd)
    {
        pidFd = null;
        int opened = -1;
        Errno errno = Pid > 0 ? HostWait.PidFdOpen(Pid, 0, out opened) : Errno.ESRCH;
        if (errno != Errno.None)
        {
            return errno;
        }

        HostFd result = new(opened);
        if (!IsAlive)
        {
            result.Dispose();
            return Errno.ESRCH;
        }

        pidFd = result;
        return Errno.None;
    }

    /// <summary>Sends a signal; ESRCH when it is gone.</summary>
    internal Errno Signal(int signal)
    {
        Errno errno = Open(out HostFd? pidFd);
        using (pidFd)
        {
            return errno == Errno.None ? HostWait.PidFdSendSignal(pidFd!.Value, signal) : errno;
        }
    }

    /// <summary>Waits until it has ended (a zombie has); false when that takes longer.</summary>
    internal bool AwaitEnd(long timeoutNs)
    {
        if (Open(out HostFd? pidFd) != Errno.None)
        {
            return true;
        }

        using (pidFd)
        {
            System.Span<HostPollFd> polled = [new HostPollFd { Fd = pidFd!.Value, Events = HostPoll.In }];
            while (HostPoll.Poll(polled, timeoutNs, out _) == Errno.EINTR)
            {
            }

            return polled[0].Revents != 0;
        }
    }

    private static bool TryRead(int pid, out char state, out ulong start, out int parent)
    {
        const int StartField = 19;
        state = Gone;
        start = 0;
        parent = 0;
        string path = "/proc/" + pid.ToString(CultureInfo.InvariantCulture) + "/stat";
        const int Flags = HostFcntl.ReadOnly | HostFcntl.CloseOnExec;
        if (HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, Flags, 0, out int opened) != Errno.None)
        {
            return false;
        }

        using HostFd fd = new(opened);
        byte[] text = new byte[StatBytes];
        if (HostUnistd.ReadAll(opened, text, out int done) != Errno.None)
        {
            return false;
        }

        // The name in parentheses may hold anything; what follows its last one are fields from the third on.
        string stat = Encoding.Latin1.GetString(text, 0, done);
        string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', System.StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length <= StartField)
        {
            return false;
        }

        state = fields[0][0];
        _ = int.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out parent);
        return ulong.TryParse(fields[StartField], NumberStyles.None, CultureInfo.InvariantCulture, out start);
    }
}
