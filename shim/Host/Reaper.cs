using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Shim.Host;

/// <summary>
/// Waits for every child: those that were started here, and the Sentries and stand-ins that came here as orphans
/// (PR_SET_CHILD_SUBREAPER). A process may end before anybody knows its id: while something is being started, the
/// statuses of strangers are kept.
/// </summary>
internal static class Reaper
{
    private static readonly object s_lock = new();

    // Guarded by s_lock.
    private static readonly Dictionary<int, Action<int>> s_watched = [];
    private static readonly Dictionary<int, int> s_early = [];
    private static int s_starting;
    private static long s_children;

    /// <summary>Begins to wait.</summary>
    internal static void Start()
    {
        ShimException.Check("prctl(PR_SET_CHILD_SUBREAPER)", HostPrctl.Prctl(HostPrctl.SetChildSubreaper, 1));
        new Thread(Run, 256 * 1024) { IsBackground = true, Name = "reaper" }.Start();
    }

    /// <summary>Until <see cref="EndStarting"/> the statuses of unknown processes are kept.</summary>
    internal static void BeginStarting()
    {
        lock (s_lock)
        {
            s_starting++;
        }
    }

    internal static void EndStarting()
    {
        lock (s_lock)
        {
            if (--s_starting == 0)
            {
                s_early.Clear();
            }
        }
    }

    /// <summary>Calls back once with the wait status of the process, on the caller's thread when it has ended already,
    /// else on the reaper's, which must not wait.</summary>
    internal static void Watch(int pid, Action<int> ended)
    {
        int status;
        lock (s_lock)
        {
            if (!s_early.Remove(pid, out status))
            {
                s_watched[pid] = ended;
                return;
            }
        }

        ended(status);
    }

    /// <summary>Starts a program and calls back as <see cref="Watch"/> does; the caller brackets it with
    /// <see cref="BeginStarting"/>.</summary>
    internal static int Spawn(SpawnRequest request, Action<int> ended)
    {
        Errno errno = HostOs.Spawn.Run(request, out SpawnedProcess process, out string problem);
        if (errno != Errno.None)
        {
            throw new ShimException(StatusCode.Unknown, request.Program + ": " + problem);
        }

        process.PidFd.Dispose();
        lock (s_lock)
        {
            s_children++;
            Monitor.PulseAll(s_lock);
        }

        Watch(process.Pid, ended);
        return process.Pid;
    }

    private static void Run()
    {
        long seen = 0;
        while (true)
        {
            Errno errno = HostWait.Wait4(-1, HostWait.All, out int status, out int pid);
            if (errno == Errno.ECHILD)
            {
                seen = AwaitChildren(seen);
            }
            else if (errno == Errno.None)
            {
                Report(pid, status);
            }
        }
    }

    /// <summary>Waits until there has been a child since.</summary>
    private static long AwaitChildren(long seen)
    {
        lock (s_lock)
        {
            while (s_children == seen)
            {
                Monitor.Wait(s_lock);
            }

            return s_children;
        }
    }

    private static void Report(int pid, int status)
    {
        Action<int>? ended;
        lock (s_lock)
        {
            if (!s_watched.Remove(pid, out ended) && s_starting > 0)
            {
                s_early[pid] = status;
            }
        }

        ended?.Invoke(status);
    }

    /// <summary>The exit status of a wait status as shells and engines have it: 128 + n for signal n.</summary>
    internal static uint ExitStatus(int waitStatus)
    {
        const int SignalBase = 128;
        int signal = waitStatus & 0x7f;
        return (uint)(signal != 0 ? SignalBase + signal : waitStatus >> 8 & 0xff);
    }
}
