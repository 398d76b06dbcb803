using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Tty;
using Sentry.Vfs;

namespace Sentry.Fs.Devpts;

/// <summary>
/// An open slave of a pseudo terminal: the terminal that programs see. After a hang-up only its end is left
/// (drivers/tty/tty_io.c).
/// </summary>
public sealed class PtySlave : FileDescription
{
    private const long NsPerTenth = 100000000;

    private readonly Terminal _terminal;
    private readonly Inode _inode;
    private readonly int _hangUps;

    private PtySlave(Terminal terminal, Inode inode, int flags)
    {
        _terminal = terminal;
        _inode = inode;
        _hangUps = terminal.HangUps;
        Flags = flags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => _terminal.SlaveQueue;

    /// <summary>The terminal.</summary>
    public Terminal Terminal => _terminal;

    private bool IsHungUp => _hangUps != _terminal.HangUps;

    /// <summary>Opens a slave; a session leader without terminal gets it unless O_NOCTTY.</summary>
    public static Errno Open(Task task, Terminal terminal, Inode inode, int flags, out FileDescription? file)
    {
        file = null;
        Errno error = terminal.OpenSlave(task);
        if (error != Errno.None)
        {
            return error;
        }

        file = new PtySlave(terminal, inode, flags);
        if ((flags & Fcntl.O_NOCTTY) == 0 && (flags & Fcntl.O_ACCMODE) != Fcntl.O_WRONLY)
        {
            terminal.AdoptOnOpen(task);
        }

        return Errno.None;
    }

    /// <summary>
    /// A read waits by itself, because VMIN and VTIME (termios(3), "Canonical and noncanonical mode") count what one
    /// read got and when.
    /// </summary>
    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        Errno error = IsHungUp ? Errno.None : _terminal.CheckForeground(task, Signals.SIGTTIN);
        if (error != Errno.None || destination.Remaining == 0)
        {
            return error;
        }

        Errno first = ReadOnce(task, ref destination, ref done, out ReadPlan plan);
        if (plan.IsOver || first != Errno.None || IsNonBlocking)
        {
            return Outcome(first, plan, done);
        }

        return ReadBlocking(task, ref destination, ref done, plan);
    }

    /// <inheritdoc/>
    public override Errno Write(Task task, ref IoSequence source, out long done)
    {
        done = 0;
        Errno error = IsHungUp ? Errno.None : _terminal.CheckOutput(task);
        return error != Errno.None ? error : _terminal.SlaveWrite(ref source, _hangUps, out done);
    }

    /// <inheritdoc/>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.ESPIPE;
    }

    /// <inheritdoc/>
    public override uint Poll(Task task) => _terminal.PollSlave(_hangUps);

    /// <inheritdoc/>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        if (IsHungUp)
        {
            return command == Ioctls.TIOCSPGRP ? Errno.ENOTTY : Errno.EIO;
        }

        return _terminal.Ioctl(task, command, argument, new TtyEnd(IsMaster: false, CanRead));
    }

    /// <inheritdoc/>
    protected override void Release() => _terminal.CloseSlave(_hangUps);

    private static Errno Outcome(Errno error, ReadPlan plan, long done)
    {
        if (error != Errno.None)
        {
            return done > 0 ? Errno.None : error;
        }

        return plan.IsOver || done > 0 ? Errno.None : Errno.EAGAIN;
    }

    private Errno ReadBlocking(Task task, ref IoSequence destination, ref long done, ReadPlan plan)
    {
        TaskWaiter waiter = task.Waiter;
        waiter.Events = Epoll.EPOLLIN | Epoll.EPOLLRDNORM;
        _terminal.SlaveQueue.Add(waiter);
        Errno error = Errno.None;
        long deadlineNs = plan.DeadlineNs;
        while (true)
        {
            long before = done;
            error = ReadOnce(task, ref destination, ref done, out plan);
            if (error != Errno.None || plan.IsOver)
            {
                break;
            }

            // The clock of VTIME starts anew with every byte when VMIN asks for some, and with the call when it does
            // not.
            deadlineNs = plan.RestartsClock && done > before ? plan.DeadlineNs : deadlineNs;
            error = task.Block(deadlineNs);
            if (error != Errno.None)
            {
                break;
            }

            error = _terminal.CheckForeground(task, Signals.SIGTTIN);
            if (error != Errno.None)
            {
                break;
            }
        }

        _terminal.SlaveQueue.Remove(waiter);
        waiter.Events = uint.MaxValue;
        error = error == Errno.ETIMEDOUT ? Errno.None : error;
        return done > 0 ? Errno.None : error;
    }

    /// <summary>Takes what is there, and says whether and how long to wait for more.</summary>
    private Errno ReadOnce(Task task, ref IoSequence destination, ref long done, out ReadPlan plan)
    {
        Errno error = _terminal.SlaveRead(ref destination, _hangUps, out long got, out TtyReadResult result);
        done += got;
        (bool isCanonical, int min, int tenths) = _terminal.ReadMode();
        if (result == TtyReadResult.Line || destination.Remaining == 0)
        {
            plan = new ReadPlan(true, long.MaxValue, false);
            return error;
        }

        if (isCanonical)
        {
            plan = new ReadPlan(done > 0, long.MaxValue, false);
            return error;
        }

        long deadlineNs = tenths == 0 ? long.MaxValue : task.Kernel.MonotonicNowNs + (tenths * NsPerTenth);
        plan = min == 0
            ? new ReadPlan(done > 0 || tenths == 0, deadlineNs, false)
            : new ReadPlan(done >= min, done > 0 ? deadlineNs : long.MaxValue, true);
        return error;
    }

    /// <summary>How a read goes on.</summary>
    private readonly record struct ReadPlan(bool IsOver, long DeadlineNs, bool RestartsClock);
}
