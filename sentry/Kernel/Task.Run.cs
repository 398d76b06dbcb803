using System;
using System.Threading;
using Abi.Linux;
using Platform;
using Sentry.Mm;

namespace Sentry.Kernel;

public sealed partial class Task
{
    // Registers and FP state of a new task until its own thread has a context.
    private GuestRegisters _initialRegisters;
    private byte[]? _initialFpState;

    /// <summary>Bits of <see cref="CallSerial"/> that count a task's own calls: half a year of them.</summary>
    private const int CallSerialBits = 44;

    private static ulong s_tasks;

    [ThreadStatic]
    private static Task? t_ofThisThread;

    /// <summary>The task whose thread this is; null on the Sentry's own threads.</summary>
    internal static Task? OfThisThread => t_ofThisThread;

    /// <summary>
    /// Names the system call that the task is in, or was in last: no other call of any task has the number.
    /// </summary>
    internal ulong CallSerial { get; private set; } = Interlocked.Increment(ref s_tasks) << CallSerialBits;

    /// <summary>The task caused signals that cannot be sent where it is now. By the task itself.</summary>
    internal void NotePostedSignals() => Interlocked.Or(ref _work, (int)TaskWork.IoSignals);

    /// <summary>Life of the task on its host thread: from the first instruction to the end.</summary>
    internal void Run()
    {
        StartCpuTime();
        using (IContext context = Kernel.Platform.NewContext())
        {
            context.Registers = _initialRegisters;
            context.WriteFpState(_initialFpState);
            _initialFpState = null;
            Volatile.Write(ref _context, context);
            t_ofThisThread = this;
            AllowLooks();
            ApplyAffinity();
            OfferAnswers();
            FinishClone();
            if (Kernel.MustPark(this))
            {
                // Made while its container was being paused, after somebody had looked for its tasks.
                Interlocked.Or(ref _work, (int)TaskWork.Freeze);
            }

            RunGuest();
            Exit();
            EndLooks();
            t_ofThisThread = null;
        }
    }

    private void RunGuest()
    {
        while (_work == 0 || DoWork())
        {
            // A sender sets its work bit before it looks at _isInGuest, and this thread says so before it looks at
            // the bits again.
            Interlocked.Exchange(ref _isInGuest, true);
            if (Volatile.Read(ref _work) != 0)
            {
                _isInGuest = false;
                continue;
            }

            EnterGuestTime();
            SwitchReason reason = _context!.Switch(_mm!.AddressSpace, out FaultInfo fault);
            Volatile.Write(ref _isInGuest, false);
            LeaveGuestTime();
            switch (reason)
            {
                case SwitchReason.SystemCall:
                    DispatchSystemCall();
                    break;
                case SwitchReason.Fault:
                    HandleFault(fault);
                    break;
                case SwitchReason.Dead:
                    ThreadGroup.BeginGroupExit(WaitStatus.Signaled(Signals.SIGKILL));
                    break;
                default:
                    _counters.InvoluntarySwitches++;
                    break;
            }
        }
    }

    /// <summary>Does what the work bits ask for. False when the task must end.</summary>
    private bool DoWork()
    {
        if ((_work & (int)TaskWork.Freeze) != 0 && (_work & (int)TaskWork.Kill) == 0)
        {
            Kernel.ParkWhileFrozen(this);
        }

        if ((_work & (int)TaskWork.IoSignals) != 0)
        {
            ClearWork(TaskWork.IoSignals);
            Kernel.Vfs.IoSignals.Flush();
        }

        ClearWork(TaskWork.Resolve);
        return !_exitRequested && DeliverSignals();
    }

    private void HandleFault(in FaultInfo fault)
    {
        if (IsStrayStep(fault))
        {
            return;
        }

        _lastFault = fault;
        SigInfo info = SigInfos.FromFault(fault);
        if (fault.IsPageFault)
        {
            _counters.MinorFaults++;
            Errno errno = _mm!.HandleFault(
                new GuestAddress(fault.Address),
                fault.Access,
                new GuestAddress(_context!.Registers.Rsp),
                out int signal,
                out int code);
            if (errno == Errno.None)
            {
                return;
            }

            if (errno == Errno.ENOMEM)
            {
                Kernel.OutOfMemory(this);
                return;
            }

            info = SigInfos.FromFault(signal, code, fault.Address);
        }

        ForceSignal(info);
    }
}
