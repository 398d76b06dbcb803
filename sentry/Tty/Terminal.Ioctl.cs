using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Tty;

/// <summary>Which end of a terminal a call came through, and what that open allows.</summary>
public readonly record struct TtyEnd(bool IsMaster, bool CanRead);

// ioctl_tty(2).
public sealed partial class Terminal
{
    /// <summary>Every terminal ioctl but those that make descriptors. ENOTTY for the unknown.</summary>
    public Errno Ioctl(Task task, uint command, ulong argument, TtyEnd end)
    {
        GuestAddress address = new(argument);
        switch (command)
        {
            case Ioctls.TCGETS:
            case Ioctls.TCGETS2:
            case Ioctls.TCGETA:
                return GetSettings(task, command, address);
            case Ioctls.TCSETS:
            case Ioctls.TCSETS2:
            case Ioctls.TCSETA:
                return SetSettings(task, command, address, SettingsTime.Now);
            case Ioctls.TCSETSW:
            case Ioctls.TCSETSW2:
            case Ioctls.TCSETAW:
                return SetSettings(task, command, address, SettingsTime.AfterOutput);
            case Ioctls.TCSETSF:
            case Ioctls.TCSETSF2:
            case Ioctls.TCSETAF:
                return SetSettings(task, command, address, SettingsTime.AfterOutputAndFlush);
            case Ioctls.TIOCGWINSZ:
                return GetSize(task, address);
            case Ioctls.TIOCSWINSZ:
                return SetSize(task, address);
            case Ioctls.TCFLSH:
                return Flush(task, (int)argument, end);
            case Ioctls.TCXONC:
                return Flow(task, (int)argument, end);
            case Ioctls.TCSBRK:
            case Ioctls.TCSBRKP:
            case Ioctls.TIOCSBRK:
            case Ioctls.TIOCCBRK:
                // Output is at the other end as soon as it is written, and there is no line to break.
                return CheckForeground(task, Signals.SIGTTOU);
            default:
                return IoctlOfSession(task, command, argument, end);
        }
    }

    private Errno IoctlOfSession(Task task, uint command, ulong argument, TtyEnd end)
    {
        GuestAddress address = new(argument);
        Errno error;
        int number;
        switch (command)
        {
            case Ioctls.TIOCSCTTY:
                return SetControlling(task, argument, end);
            case Ioctls.TIOCNOTTY:
                return GiveUp(task);
            case Ioctls.TIOCGPGRP:
                error = GetForeground(task, end, out number);
                return error == Errno.None ? task.Mm.Write(address, number) : error;
            case Ioctls.TIOCSPGRP:
                error = task.Mm.Read(address, out number);
                return error == Errno.None ? SetForeground(task, number) : error;
            case Ioctls.TIOCGSID:
                error = GetSession(task, end, out number);
                return error == Errno.None ? task.Mm.Write(address, number) : error;
            case Ioctls.TIOCVHANGUP:
                if (!task.Credentials.IsCapable(Capability.CAP_SYS_ADMIN))
                {
                    return Errno.EPERM;
                }

                HangUp();
                return Errno.None;
            case Ioctls.TIOCSTI:
                return PushInput(task, address);
            default:
                return IoctlOfState(task, command, address, end);
        }
    }

    /// <summary>
    /// TIOCSTI: a byte as if typed. Only for administrators, as in kernels with dev.tty.legacy_tiocsti=0: EIO.
    /// </summary>
    private Errno PushInput(Task task, GuestAddress address)
    {
        if (!task.Credentials.IsCapable(Capability.CAP_SYS_ADMIN))
        {
            return Errno.EIO;
        }

        Errno error = task.Mm.Read(address, out byte typed);
        if (error != Errno.None)
        {
            return error;
        }

        using (_lock.Enter())
        {
            if (_typed.Count < BacklogBytes)
            {
                _typed.Enqueue([typed]);
                PumpLocked();
            }
        }

        return Errno.None;
    }

    private Errno IoctlOfState(Task task, uint command, GuestAddress address, TtyEnd end)
    {
        switch (command)
        {
            case Ioctls.FIONREAD:
                return task.Mm.Write(address, CountReadable(end));
            case Ioctls.TIOCOUTQ:
                return task.Mm.Write(address, 0);
            case Ioctls.TIOCEXCL:
                return SetExclusive(true);
            case Ioctls.TIOCNXCL:
                return SetExclusive(false);
            case Ioctls.TIOCGEXCL:
                return task.Mm.Write(address, _isExclusive ? 1 : 0);
            case Ioctls.TIOCGETD:
                return task.Mm.Write(address, TtyIoctls.N_TTY);
            case Ioctls.TIOCSETD:
                Errno error = task.Mm.Read(address, out int discipline);
                return error == Errno.None && discipline != TtyIoctls.N_TTY ? Errno.EINVAL : error;
            case Ioctls.TIOCGLCKTRMIOS:
                return GetLockedSettings(task, address);
            case Ioctls.TIOCSLCKTRMIOS:
                return SetLockedSettings(task, address);
            case Ioctls.TIOCGDEV:
                return task.Mm.Write(address, (uint)DeviceNumber);
            case Ioctls.TIOCGSOFTCAR:
                return task.Mm.Write(address, (_discipline.Settings.c_cflag & Termbits.CLOCAL) != 0 ? 1 : 0);
            default:
                return end.IsMaster ? IoctlOfMaster(task, command, address) : Errno.ENOTTY;
        }
    }

    private Errno IoctlOfMaster(Task task, uint command, GuestAddress address)
    {
        switch (command)
        {
            case Ioctls.TIOCGPTN:
                return task.Mm.Write(address, Index);
            case Ioctls.TIOCSPTLCK:
                Errno error = task.Mm.Read(address, out int locked);
                _isLocked = error == Errno.None ? locked != 0 : _isLocked;
                return error;
            case Ioctls.TIOCGPTLCK:
                return task.Mm.Write(address, _isLocked ? 1 : 0);
            case Ioctls.TIOCPKT:
                error = task.Mm.Read(address, out int packets);
                return error == Errno.None ? SetPacketMode(packets != 0) : error;
            case Ioctls.TIOCGPKT:
                return task.Mm.Write(address, _isPacketMode ? 1 : 0);
            case Ioctls.TIOCSIG:
                int signal = (int)address.Value;
                if (signal is not (Signals.SIGINT or Signals.SIGQUIT or Signals.SIGTSTP))
                {
                    return Errno.EINVAL;
                }

                ForegroundGroup?.SendSignal(_kernel, signal);
                return Errno.None;
            default:
                return Errno.ENOTTY;
        }
    }

    /// <summary>Size of the window, for those who make a terminal or look at one.</summary>
    public Winsize Size
    {
        get
        {
            using (_lock.Enter())
            {
                return _size;
            }
        }
    }

    /// <summary>A new size of the window: SIGWINCH to the foreground group when it differs.</summary>
    public void Resize(in Winsize size)
    {
        using (_lock.Enter())
        {
            if (size.ws_row == _size.ws_row && size.ws_col == _size.ws_col
                && size.ws_xpixel == _size.ws_xpixel && size.ws_ypixel == _size.ws_ypixel)
            {
                return;
            }

            _size = size;
        }

        ForegroundGroup?.SendSignal(_kernel, Signals.SIGWINCH);
    }

    private Errno GetSize(Task task, GuestAddress address) => task.Mm.Write(address, Size);

    private Errno SetSize(Task task, GuestAddress address)
    {
        Errno error = task.Mm.Read(address, out Winsize size);
        if (error == Errno.None)
        {
            Resize(size);
        }

        return error;
    }

    private Errno SetExclusive(bool isExclusive)
    {
        using (_lock.Enter())
        {
            _isExclusive = isExclusive;
        }

        return Errno.None;
    }

    private Errno SetPacketMode(bool isOn)
    {
        using (_lock.Enter())
        {
            _packetStatus = isOn && !_isPacketMode ? (byte)0 : _packetStatus;
            _isPacketMode = isOn;
        }

        return Errno.None;
    }

    private int CountReadable(TtyEnd end)
    {
        using (_lock.Enter())
        {
            return end.IsMaster ? _shown.Count : _discipline.CountReadable();
        }
    }

    private Errno Flush(Task task, int queue, TtyEnd end)
    {
        if (queue is < Termbits.TCIFLUSH or > Termbits.TCIOFLUSH)
        {
            return Errno.EINVAL;
        }

        Errno error = CheckForeground(task, Signals.SIGTTOU);
        if (error != Errno.None)
        {
            return error;
        }

        bool isInput = queue != Termbits.TCOFLUSH;
        bool isOutput = queue != Termbits.TCIFLUSH;
        using (_lock.Enter())
        {
            // What one end reads the other has written.
            if (end.IsMaster ? isOutput : isInput)
            {
                _typed.Clear();
                _discipline.FlushInput();
            }

            if (end.IsMaster ? isInput : isOutput)
            {
                ((ITtyDriver)this).FlushOutput();
            }
        }

        MasterQueue.Notify(WriteEvents);
        return Errno.None;
    }

    private Errno Flow(Task task, int action, TtyEnd end)
    {
        Errno error = CheckForeground(task, Signals.SIGTTOU);
        if (error != Errno.None || end.IsMaster)
        {
            return error;
        }

        ITtyDriver driver = this;
        using (_lock.Enter())
        {
            switch (action)
            {
                case Termbits.TCOOFF:
                    driver.StopOutput();
                    _isStoppedByCall = true;
                    return Errno.None;
                case Termbits.TCOON:
                    driver.StartOutput();
                    return Errno.None;
                case Termbits.TCIOFF:
                    SendKeyLocked(Termbits.VSTOP);
                    return Errno.None;
                case Termbits.TCION:
                    SendKeyLocked(Termbits.VSTART);
                    return Errno.None;
                default:
                    return Errno.EINVAL;
            }
        }
    }

    private void SendKeyLocked(int key)
    {
        byte value = _discipline.Settings.c_cc[key];
        if (value != 0)
        {
            ((ITtyDriver)this).WriteOutput([value]);
        }
    }
}
