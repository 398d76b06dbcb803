using System.Collections.Generic;
using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial class Task
{
    /// <summary>
    /// Waits for a child to change state (wait4(2), waitid(2)). ECHILD when no child matches, ERESTARTSYS on a
    /// signal; with WNOHANG None and process id 0.
    /// </summary>
    public Errno WaitForChild(in WaitRequest request, out WaitResult result)
    {
        WaitQueue queue = ThreadGroup.ChildWait;
        ClearWake();
        queue.Add(Waiter);
        Errno errno;
        do
        {
            errno = ScanChildren(request, out result);
            if (errno != Errno.EAGAIN)
            {
                break;
            }

            if ((request.Options & Abi.Linux.Wait.WNOHANG) != 0)
            {
                errno = Errno.None;
                break;
            }

            errno = request.IsNonBlocking ? Errno.EAGAIN : Block();
        }
        while (errno == Errno.None);
        queue.Remove(Waiter);
        return errno;
    }

    /// <summary>One look at all children: None with a result, EAGAIN when none is ready, ECHILD when none
    /// matches.</summary>
    private Errno ScanChildren(in WaitRequest request, out WaitResult result)
    {
        result = default;
        Errno errno = Errno.ECHILD;
        using (Kernel.TasksLock.Enter())
        {
            LinkedListNode<ThreadGroup>? node = ThreadGroup.ChildrenLocked.First;
            while (node is not null)
            {
                ThreadGroup child = node.Value;
                node = node.Next;
                if (!IsEligible(child, request) || (!child.IsDead && child.Leader.IsTracedBy(ThreadGroup)))
                {
                    continue;
                }

                if (child.CanChangeLocked(request.Options))
                {
                    errno = Errno.EAGAIN;
                }

                if (child.TryCollectLocked(this, request.Options, ref result))
                {
                    return Errno.None;
                }
            }

            return ScanTraceesLocked(request, errno, ref result);
        }
    }

    /// <summary>A look at what this process traces: stops, and ends that concern nobody else.</summary>
    private Errno ScanTraceesLocked(in WaitRequest request, Errno errno, ref WaitResult result)
    {
        foreach (Task tracee in ThreadGroup.Tracees)
        {
            if (IsEligible(tracee.Identity, tracee.ThreadGroup.ProcessGroup.Identity, tracee.Trace!.Tracer, request))
            {
                errno = Errno.EAGAIN;
                if (tracee.TryCollectTraceStopLocked(this, request.Options, ref result))
                {
                    return Errno.None;
                }
            }
        }

        if ((request.Options & Abi.Linux.Wait.WEXITED) == 0)
        {
            return errno;
        }

        foreach (TraceExit exit in ThreadGroup.TraceExits)
        {
            if (IsEligible(exit.Identity, exit.ProcessGroup, exit.Tracer, request))
            {
                ThreadGroup.CollectTraceExitLocked(exit, this, request.Options, ref result);
                return Errno.None;
            }
        }

        return errno;
    }

    private bool IsEligible(Pid identity, Pid processGroup, Task tracer, in WaitRequest request)
    {
        bool matches = request.IdType switch
        {
            Abi.Linux.Wait.P_PID => identity == request.Target,
            Abi.Linux.Wait.P_PGID => processGroup == request.Target,
            _ => true,
        };
        return matches && ((request.Options & Abi.Linux.Wait.__WNOTHREAD) == 0 || tracer == this);
    }

    private bool IsEligible(ThreadGroup child, in WaitRequest request)
    {
        bool matches = request.IdType switch
        {
            Abi.Linux.Wait.P_PID => child.Identity == request.Target,
            Abi.Linux.Wait.P_PGID => child.ProcessGroup.Identity == request.Target,
            _ => true,
        };
        if (!matches || ((request.Options & Abi.Linux.Wait.__WNOTHREAD) != 0 && child.ParentTask != this))
        {
            return false;
        }

        bool isClone = child.ExitSignal != Signals.SIGCHLD;
        bool wantsClone = (request.Options & Abi.Linux.Wait.__WCLONE) != 0;
        return (request.Options & Abi.Linux.Wait.__WALL) != 0 || isClone == wantsClone;
    }
}
