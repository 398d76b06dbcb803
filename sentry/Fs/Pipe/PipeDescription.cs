using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Pipe;

/// <summary>An open end of a pipe or FIFO.</summary>
public sealed class PipeDescription : FileDescription, IPipeEnd
{
    /// <summary>/proc/sys/fs/pipe-max-size: what F_SETPIPE_SZ may ask for without CAP_SYS_RESOURCE.</summary>
    public const uint MaxUnprivilegedBytes = 1048576;

    /// <summary>Capacity that nobody gets more than: slots are memory of the Sentry.</summary>
    private const uint MaxBytes = 64u << 20;

    private readonly PipeRing _ring;
    private readonly PipeAccess _access;
    private readonly Inode _inode;
    private readonly uint? _writerOpensSeen;

    /// <summary>An end that is already counted in the ring (<see cref="PipeRing.Attach"/>).</summary>
    internal PipeDescription(PipeRing ring, PipeAccess access, Inode inode, int flags, uint? writerOpensSeen)
    {
        _ring = ring;
        _access = access;
        _inode = inode;
        _writerOpensSeen = writerOpensSeen;
        Flags = flags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName =>
        _inode is AnonymousInode inode ? "pipe:[" + inode.Number.ToString() + "]" : null;

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => _ring.Queue;

    /// <inheritdoc/>
    public object Pipe => _ring;

    private PipeMode Mode => (Flags & Fcntl.O_DIRECT) != 0 ? PipeMode.Packet : PipeMode.Stream;

    /// <summary>Makes a pipe and its two ends; <paramref name="flags"/> as pipe2(2): O_NONBLOCK, O_DIRECT.</summary>
    public static (PipeDescription Reader, PipeDescription Writer) Create(Task task, int flags)
    {
        PipeRing ring = new();
        Credentials credentials = task.Credentials;
        PseudoSuperBlock superBlock = task.Kernel.PseudoFileSystems.Pipe;
        AnonymousInode inode = new(superBlock, StatMode.S_IFIFO | 0x180, credentials.FsUid, credentials.FsGid);
        inode.InstallSpecialState(ring);
        ring.Attach(PipeAccess.Read, out _);
        ring.Attach(PipeAccess.Write, out _);
        int status = flags & (Fcntl.O_NONBLOCK | Fcntl.O_DIRECT);
        PipeDescription reader = new(ring, PipeAccess.Read, inode, Fcntl.O_RDONLY | status, null);
        PipeDescription writer = new(ring, PipeAccess.Write, inode, Fcntl.O_WRONLY | status, null);
        return (reader, writer);
    }

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        return CanRead ? _ring.Read(ref destination, out done) : Errno.EBADF;
    }

    /// <inheritdoc/>
    public override Errno Write(Task task, ref IoSequence source, out long done)
    {
        done = 0;
        return CanWrite ? Signalled(task, _ring.Write(ref source, Mode, out done)) : Errno.EBADF;
    }

    /// <inheritdoc/>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.ESPIPE;
    }

    /// <inheritdoc/>
    public override uint Poll(Task task) => _ring.Poll(_access, _writerOpensSeen);

    /// <inheritdoc/>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        return command == Ioctls.FIONREAD
            ? task.Mm.Write(new GuestAddress(argument), (int)_ring.Available())
            : Errno.ENOTTY;
    }

    /// <inheritdoc/>
    public Errno GetCapacity(out int capacityBytes)
    {
        capacityBytes = _ring.CapacityBytes;
        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno SetCapacity(Task task, uint requestedBytes, out int capacityBytes)
    {
        capacityBytes = 0;
        int slots = PipeRing.SlotsFor(requestedBytes);
        if (slots == 0)
        {
            return Errno.EINVAL;
        }

        long bytes = (long)slots * PipePage.SizeBytes;
        bool isLarger = bytes > _ring.CapacityBytes;
        if (isLarger && bytes > MaxUnprivilegedBytes && !task.Credentials.IsCapable(Capability.CAP_SYS_RESOURCE))
        {
            return Errno.EPERM;
        }

        if (isLarger && bytes > MaxBytes)
        {
            return Errno.ENOMEM;
        }

        Errno error = _ring.Resize(slots);
        capacityBytes = _ring.CapacityBytes;
        return error;
    }

    /// <inheritdoc/>
    public Errno SpliceFrom(Task task, FileDescription source, ref long? offset, long maxBytes, out long done) =>
        Signalled(task, _ring.SpliceFrom(task, source, ref offset, maxBytes, out done));

    /// <inheritdoc/>
    public Errno SpliceTo(Task task, FileDescription target, ref long? offset, long maxBytes, out long done) =>
        _ring.SpliceTo(task, target, ref offset, maxBytes, out done);

    /// <inheritdoc/>
    public Errno TransferTo(Task task, IPipeEnd target, PipeTransfer transfer, long maxBytes, out long done)
    {
        if (target is PipeDescription other)
        {
            return Signalled(task, _ring.TransferTo(other._ring, transfer, maxBytes, out done));
        }

        done = 0;
        return Errno.EINVAL;
    }

    /// <inheritdoc/>
    protected override void ReportEveryEvent() => _ring.ReportEveryEvent();

    /// <inheritdoc/>
    protected override void Release() => _ring.Detach(_access);

    private static Errno Signalled(Task task, Errno error)
    {
        if (error == Errno.EPIPE)
        {
            task.RaiseSignal(Signals.SIGPIPE);
        }

        return error;
    }
}
