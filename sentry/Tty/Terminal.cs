using System;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Tty;

/// <summary>
/// A pseudo terminal (pty(7), drivers/tty/pty.c): the bytes between master and slave, the slave's line discipline,
/// and the terminal that a session may be
/// attached to. Open ends are file descriptions elsewhere; they call in here.
/// </summary>
public sealed partial class Terminal : IControllingTerminal, ITtyDriver
{
    private const uint ReadEvents = Epoll.EPOLLIN | Epoll.EPOLLRDNORM;
    private const uint WriteEvents = Epoll.EPOLLOUT | Epoll.EPOLLWRNORM;
    private const uint HangUpEvents = ReadEvents | WriteEvents | Epoll.EPOLLERR | Epoll.EPOLLHUP;
    private const int BacklogBytes = 65536;
    private const int OutputChunkBytes = 1024;
    private const uint SlaveMajor = 136;

    private readonly GuestKernel _kernel;
    private readonly OrderedLock<TtyLevel> _lock = new();

    // Guarded by _lock, as all below.
    private readonly LineDiscipline _discipline;
    private readonly ByteQueue _typed = new();
    private readonly ByteQueue _shown = new();
    private Winsize _size;
    private int _slaves;
    private bool _isMasterOpen = true;
    private bool _isSlaveGone;
    private bool _isLocked = true;
    private bool _isExclusive;
    private bool _isStopped;
    private bool _isStoppedByCall;
    private bool _isPacketMode;
    private byte _packetStatus;

    // Also read without the lock.
    private int _hangUps;

    /// <summary>A pseudo terminal with the number that its slave has in devpts; locked until unlockpt(3).</summary>
    public Terminal(GuestKernel kernel, int index)
    {
        _kernel = kernel;
        Index = index;
        _discipline = new LineDiscipline(this, TtySettings.ForSlave());
    }

    /// <summary>N of /dev/pts/N.</summary>
    public int Index { get; }

    /// <inheritdoc/>
    public ulong DeviceNumber => Vfs.VirtualFileSystem.MakeDevice(SlaveMajor, (uint)Index);

    /// <summary>Notified when the master may read or write.</summary>
    public WaitQueue MasterQueue { get; } = new();

    /// <summary>Notified when a slave may read or write.</summary>
    public WaitQueue SlaveQueue { get; } = new();

    /// <summary>Times the slave side was hung up: an open slave that is older is dead.</summary>
    public int HangUps => Volatile.Read(ref _hangUps);

    /// <inheritdoc/>
    bool ITtyDriver.IsOutputStopped => _isStopped;

    /// <inheritdoc/>
    bool ITtyDriver.IsStoppedByCall => _isStoppedByCall;

    /// <summary>unlockpt(3): the slave may be opened.</summary>
    public void Unlock()
    {
        using (_lock.Enter())
        {
            _isLocked = false;
        }
    }

    /// <summary>An open of the slave: EIO while locked or without master, EBUSY under TIOCEXCL.</summary>
    public Errno OpenSlave(Task task)
    {
        using (_lock.Enter())
        {
            if (!_isMasterOpen || _isLocked)
            {
                return Errno.EIO;
            }

            if (_isExclusive && !task.Credentials.IsCapable(Capability.CAP_SYS_ADMIN))
            {
                return Errno.EBUSY;
            }

            _slaves++;
            _isSlaveGone = false;
            return Errno.None;
        }
    }

    /// <summary>
    /// A slave opened before <paramref name="hangUps"/> further hang-ups closes; with the last one the master sees
    /// the end.
    /// </summary>
    public void CloseSlave(int hangUps)
    {
        using (_lock.Enter())
        {
            if (hangUps != _hangUps)
            {
                return;
            }

            _slaves--;
            _isSlaveGone = _slaves == 0;
            _isExclusive = _isExclusive && !_isSlaveGone;
        }

        MasterQueue.Notify(HangUpEvents);
    }

    /// <summary>The master closes: the slave side hangs up.</summary>
    public void CloseMaster()
    {
        using (_lock.Enter())
        {
            _isMasterOpen = false;
        }

        HangUp();
    }

    /// <summary>Bytes typed at the master; EAGAIN when the slave does not read.</summary>
    public Errno MasterWrite(ref IoSequence source, out long done)
    {
        done = 0;
        Errno error = Errno.None;
        using (_lock.Enter())
        {
            while (source.Remaining > 0 && error == Errno.None)
            {
                int room = BacklogBytes - _typed.Count;
                if (room <= 0)
                {
                    error = Errno.EAGAIN;
                    break;
                }

                error = _typed.EnqueueFrom(ref source, Math.Min(room, OutputChunkBytes), out int copied);
                done += copied;
                PumpLocked();
            }
        }

        return error;
    }

    /// <summary>
    /// Bytes shown at the master. EIO once every slave closed; in packet mode a status byte comes first (TIOCPKT,
    /// ioctl_tty(2)).
    /// </summary>
    public Errno MasterRead(ref IoSequence destination, out long done)
    {
        done = 0;
        Errno error;
        using (_lock.Enter())
        {
            error = _isPacketMode
                ? ReadPacketLocked(ref destination, out done)
                : _shown.DequeueTo(ref destination, out done);
            if (done == 0 && error == Errno.None)
            {
                return _isSlaveGone ? Errno.EIO : Errno.EAGAIN;
            }
        }

        SlaveQueue.Notify(WriteEvents);
        return error;
    }

    /// <summary>Events of the master.</summary>
    public uint PollMaster()
    {
        using (_lock.Enter())
        {
            uint events = _shown.Count > 0 ? ReadEvents : 0;
            events |= _isPacketMode && _packetStatus != 0 ? ReadEvents | Epoll.EPOLLPRI : 0;
            events |= _isSlaveGone ? Epoll.EPOLLHUP : 0;
            return events | (_typed.Count < BacklogBytes ? WriteEvents : 0);
        }
    }

    /// <summary>Events of a slave that was opened after <paramref name="hangUps"/> hang-ups.</summary>
    public uint PollSlave(int hangUps)
    {
        using (_lock.Enter())
        {
            if (hangUps != _hangUps)
            {
                return HangUpEvents;
            }

            (int min, int tenths) = _discipline.ReadLimits;
            uint events = _discipline.IsReadable(tenths == 0 ? min : 1) ? ReadEvents : 0;
            return events | (!_isStopped && _shown.Count < BacklogBytes ? WriteEvents : 0);
        }
    }

    /// <summary>
    /// Output of a slave. EIO after a hang-up, EAGAIN while stopped or when the master does not read.
    /// </summary>
    public Errno SlaveWrite(ref IoSequence source, int hangUps, out long done)
    {
        done = 0;
        Errno error = Errno.None;
        using (_lock.Enter())
        {
            Span<byte> chunk = stackalloc byte[OutputChunkBytes];
            while (source.Remaining > 0 && error == Errno.None)
            {
                if (hangUps != _hangUps)
                {
                    return Errno.EIO;
                }

                if (_isStopped || _shown.Count >= BacklogBytes)
                {
                    error = Errno.EAGAIN;
                    break;
                }

                error = source.CopyIn(chunk, out int copied);
                _discipline.Write(chunk[..copied]);
                done += copied;
            }
        }

        return error;
    }

    /// <summary>One attempt of a slave to read; see <see cref="TtyReadResult"/>.</summary>
    internal Errno SlaveRead(ref IoSequence destination, int hangUps, out long done, out TtyReadResult result)
    {
        done = 0;
        result = TtyReadResult.Line;
        using (_lock.Enter())
        {
            if (hangUps != _hangUps)
            {
                return Errno.None;
            }

            int backlog = _typed.Count;
            Errno error = _discipline.Read(ref destination, out done, out result);
            PumpLocked();
            if (_typed.Count < backlog)
            {
                MasterQueue.Notify(WriteEvents);
            }

            return error;
        }
    }

    /// <summary>How a slave waits for input: canonical mode, or VMIN and VTIME.</summary>
    internal (bool IsCanonical, int Min, int TenthsOfSecond) ReadMode()
    {
        using (_lock.Enter())
        {
            (int min, int tenths) = _discipline.ReadLimits;
            return (_discipline.IsCanonical, min, tenths);
        }
    }

    /// <inheritdoc/>
    void ITtyDriver.WriteOutput(ReadOnlySpan<byte> bytes)
    {
        // Echo goes on while the master does not read; what is far beyond the backlog is lost, as Linux loses echo
        // that does not fit.
        if (!_isMasterOpen || _shown.Count > BacklogBytes * 2)
        {
            return;
        }

        _shown.Enqueue(bytes);
        MasterQueue.Notify(ReadEvents);
    }

    /// <inheritdoc/>
    void ITtyDriver.StopOutput()
    {
        if (_isStopped)
        {
            return;
        }

        _isStopped = true;
        SetPacketStatusLocked(TtyIoctls.TIOCPKT_STOP, TtyIoctls.TIOCPKT_START);
    }

    /// <inheritdoc/>
    void ITtyDriver.StartOutput()
    {
        if (!_isStopped)
        {
            return;
        }

        _isStopped = false;
        _isStoppedByCall = false;
        SetPacketStatusLocked(TtyIoctls.TIOCPKT_START, TtyIoctls.TIOCPKT_STOP);
        _discipline.ReleaseEcho();
        SlaveQueue.Notify(WriteEvents);
    }

    /// <inheritdoc/>
    void ITtyDriver.FlushOutput()
    {
        // What was written is at the master already (drivers/tty/pty.c, pty_flush_buffer): only waiting echo is lost.
        _discipline.DropEcho();
        SetPacketStatusLocked(TtyIoctls.TIOCPKT_FLUSHWRITE, 0);
        SlaveQueue.Notify(WriteEvents);
    }

    /// <inheritdoc/>
    void ITtyDriver.OnInputFlushed() => SetPacketStatusLocked(TtyIoctls.TIOCPKT_FLUSHREAD, 0);

    /// <inheritdoc/>
    void ITtyDriver.OnInputReady() => SlaveQueue.Notify(ReadEvents);

    private void PumpLocked()
    {
        while (_typed.Count > 0)
        {
            int taken = _discipline.Receive(_typed.Front);
            if (taken == 0)
            {
                return;
            }

            _typed.Discard(Math.Min(taken, _typed.Count));
        }
    }

    private Errno ReadPacketLocked(ref IoSequence destination, out long done)
    {
        done = 0;
        byte status = _packetStatus;
        if (destination.Remaining == 0 || (status == 0 && _shown.Count == 0))
        {
            return Errno.None;
        }

        Errno error = destination.CopyOut([status], out int first);
        done = first;
        if (error != Errno.None || status != 0)
        {
            _packetStatus = error == Errno.None ? (byte)0 : status;
            return error;
        }

        error = _shown.DequeueTo(ref destination, out long data);
        done += data;
        return error;
    }

    private void SetPacketStatusLocked(int set, int cleared)
    {
        if (!_isPacketMode)
        {
            return;
        }

        _packetStatus = (byte)((_packetStatus & ~cleared) | set);
        MasterQueue.Notify(ReadEvents | Epoll.EPOLLPRI);
    }
}
