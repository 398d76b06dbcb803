using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Tty;

// tcgetattr(3), tcsetattr(3).
public sealed partial class Terminal
{
    private const uint FixedControl = Termbits.CSIZE | Termbits.PARENB;
    private const byte UsualStart = 17;
    private const byte UsualStop = 19;

    // Guarded by _lock. What is not zero here stays as it is (TIOCSLCKTRMIOS).
    private Termios _lockedSettings;

    private enum SettingsTime
    {
        Now,
        AfterOutput,
        AfterOutputAndFlush,
    }

    private Errno GetSettings(Task task, uint command, GuestAddress address)
    {
        Termios2 settings;
        using (_lock.Enter())
        {
            settings = _discipline.Settings;
        }

        return command switch
        {
            Ioctls.TCGETS2 => task.Mm.Write(address, settings),
            Ioctls.TCGETS => task.Mm.Write(address, ToTermios(settings)),
            _ => task.Mm.Write(address, ToTermio(settings)),
        };
    }

    private Errno SetSettings(Task task, uint command, GuestAddress address, SettingsTime time)
    {
        Errno error = CheckForeground(task, Signals.SIGTTOU);
        if (error != Errno.None)
        {
            return error;
        }

        Termios2 settings;
        using (_lock.Enter())
        {
            settings = _discipline.Settings;
        }

        error = ReadSettings(task, command, address, ref settings);
        if (error != Errno.None)
        {
            return error;
        }

        using (_lock.Enter())
        {
            if (time == SettingsTime.AfterOutputAndFlush)
            {
                _typed.Clear();
                _discipline.FlushInput();
            }

            KeepLockedLocked(ref settings);
            ApplyLocked(settings);
        }

        SlaveQueue.Notify(ReadEvents | WriteEvents);
        return Errno.None;
    }

    /// <summary>TIOCGLCKTRMIOS.</summary>
    private Errno GetLockedSettings(Task task, GuestAddress address)
    {
        Termios mask;
        using (_lock.Enter())
        {
            mask = _lockedSettings;
        }

        return task.Mm.Write(address, mask);
    }

    /// <summary>TIOCSLCKTRMIOS: what has a bit set here nobody changes any more.</summary>
    private Errno SetLockedSettings(Task task, GuestAddress address)
    {
        if (!task.Credentials.IsCapable(Capability.CAP_SYS_ADMIN))
        {
            return Errno.EPERM;
        }

        Errno error = task.Mm.Read(address, out Termios mask);
        if (error == Errno.None)
        {
            using (_lock.Enter())
            {
                _lockedSettings = mask;
            }
        }

        return error;
    }

    private void KeepLockedLocked(ref Termios2 settings)
    {
        Termios2 old = _discipline.Settings;
        settings.c_iflag = Mix(settings.c_iflag, old.c_iflag, _lockedSettings.c_iflag);
        settings.c_oflag = Mix(settings.c_oflag, old.c_oflag, _lockedSettings.c_oflag);
        settings.c_cflag = Mix(settings.c_cflag, old.c_cflag, _lockedSettings.c_cflag);
        settings.c_lflag = Mix(settings.c_lflag, old.c_lflag, _lockedSettings.c_lflag);
        settings.c_line = _lockedSettings.c_line != 0 ? old.c_line : settings.c_line;
        for (int i = 0; i < Termbits.NCCS; i++)
        {
            settings.c_cc[i] = _lockedSettings.c_cc[i] != 0 ? old.c_cc[i] : settings.c_cc[i];
        }
    }

    private static uint Mix(uint wanted, uint old, uint mask) => (wanted & ~mask) | (old & mask);

    private void ApplyLocked(Termios2 settings)
    {
        Termios2 old = _discipline.Settings;

        // A pseudo terminal has eight bits and no parity, whatever is asked (pty_set_termios).
        settings.c_cflag = (settings.c_cflag & ~FixedControl) | Termbits.CS8 | Termbits.CREAD;
        _discipline.Configure(settings);
        bool hadFlow = HasUsualFlowKeys(old);
        bool hasFlow = HasUsualFlowKeys(settings);
        if (hadFlow != hasFlow)
        {
            const int Both = TtyIoctls.TIOCPKT_DOSTOP | TtyIoctls.TIOCPKT_NOSTOP;
            SetPacketStatusLocked(hasFlow ? TtyIoctls.TIOCPKT_DOSTOP : TtyIoctls.TIOCPKT_NOSTOP, Both);
        }

        if (((old.c_lflag | settings.c_lflag) & Termbits.EXTPROC) != 0)
        {
            SetPacketStatusLocked(TtyIoctls.TIOCPKT_IOCTL, 0);
        }

        PumpLocked();
    }

    private static bool HasUsualFlowKeys(in Termios2 settings) =>
        (settings.c_iflag & Termbits.IXON) != 0
        && settings.c_cc[Termbits.VSTART] == UsualStart
        && settings.c_cc[Termbits.VSTOP] == UsualStop;

    private static Errno ReadSettings(Task task, uint command, GuestAddress address, ref Termios2 settings)
    {
        switch (command)
        {
            case Ioctls.TCSETS2 or Ioctls.TCSETSW2 or Ioctls.TCSETSF2:
                return task.Mm.Read(address, out settings);
            case Ioctls.TCSETA or Ioctls.TCSETAW or Ioctls.TCSETAF:
                Errno error = task.Mm.Read(address, out Termio old);
                FromTermio(old, ref settings);
                return error;
            default:
                error = task.Mm.Read(address, out Termios plain);
                FromTermios(plain, ref settings);
                return error;
        }
    }

    private static Termios ToTermios(in Termios2 settings) => new()
    {
        c_iflag = settings.c_iflag,
        c_oflag = settings.c_oflag,
        c_cflag = settings.c_cflag,
        c_lflag = settings.c_lflag,
        c_line = settings.c_line,
        c_cc = settings.c_cc,
    };

    private static void FromTermios(in Termios plain, ref Termios2 settings)
    {
        settings.c_iflag = plain.c_iflag;
        settings.c_oflag = plain.c_oflag;
        settings.c_cflag = plain.c_cflag;
        settings.c_lflag = plain.c_lflag;
        settings.c_line = plain.c_line;
        settings.c_cc = plain.c_cc;
    }

    private static Termio ToTermio(in Termios2 settings)
    {
        Termio old = new()
        {
            c_iflag = (ushort)settings.c_iflag,
            c_oflag = (ushort)settings.c_oflag,
            c_cflag = (ushort)settings.c_cflag,
            c_lflag = (ushort)settings.c_lflag,
            c_line = settings.c_line,
        };
        for (int i = 0; i < 8; i++)
        {
            old.c_cc[i] = settings.c_cc[i];
        }

        return old;
    }

    private static void FromTermio(in Termio old, ref Termios2 settings)
    {
        const uint High = 0xFFFF0000;
        settings.c_iflag = (settings.c_iflag & High) | old.c_iflag;
        settings.c_oflag = (settings.c_oflag & High) | old.c_oflag;
        settings.c_cflag = (settings.c_cflag & High) | old.c_cflag;
        settings.c_lflag = (settings.c_lflag & High) | old.c_lflag;
        settings.c_line = old.c_line;
        for (int i = 0; i < 8; i++)
        {
            settings.c_cc[i] = old.c_cc[i];
        }
    }
}
