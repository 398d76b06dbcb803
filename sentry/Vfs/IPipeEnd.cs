using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Whether splicing between pipes consumes the source.</summary>
public enum PipeTransfer
{
    /// <summary>splice(2): the bytes leave the source.</summary>
    Move,

    /// <summary>tee(2): the source keeps the bytes.</summary>
    Duplicate,
}

/// <summary>A pipe as F_GETPIPE_SZ and F_SETPIPE_SZ see it (fcntl(2)).</summary>
public interface IPipeCapacity
{
    /// <summary>F_GETPIPE_SZ.</summary>
    Errno GetCapacity(out int capacityBytes);

    /// <summary>
    /// F_SETPIPE_SZ: EINVAL, EPERM (above /proc/sys/fs/pipe-max-size without CAP_SYS_RESOURCE, or the pipe is not the
    /// sandbox's), EBUSY (more than that is in it).
    /// </summary>
    Errno SetCapacity(Task task, uint requestedBytes, out int capacityBytes);
}

/// <summary>
/// What splice(2), tee(2), vmsplice(2) and fcntl(2) need of a pipe beyond reading and writing; a file description that
/// is a pipe's end implements it.
/// Every mover says EAGAIN when it would have to wait (for room or for data) and nothing was moved.
/// </summary>
public interface IPipeEnd : IPipeCapacity
{
    /// <summary>True for an end that may be read.</summary>
    bool CanRead { get; }

    /// <summary>True for an end that may be written.</summary>
    bool CanWrite { get; }

    /// <summary>Identity of the pipe: splicing a pipe into itself is EINVAL.</summary>
    object Pipe { get; }

    /// <summary>
    /// Fills free slots from <paramref name="source"/>: at <paramref name="offset"/>, which advances, or by streaming
    /// when it is null. 0 bytes with None: end of file.
    /// EPIPE (and SIGPIPE) without readers; EAGAIN also when the source says so.
    /// </summary>
    Errno SpliceFrom(Task task, FileDescription source, ref long? offset, long maxBytes, out long done);

    /// <summary>
    /// Drains into <paramref name="target"/> at <paramref name="offset"/>, which advances, or by streaming when it is
    /// null. 0 with None: the pipe is empty without writers.
    /// </summary>
    Errno SpliceTo(Task task, FileDescription target, ref long? offset, long maxBytes, out long done);

    /// <summary>Moves or duplicates buffers into another pipe without copying bytes.</summary>
    Errno TransferTo(Task task, IPipeEnd target, PipeTransfer transfer, long maxBytes, out long done);
}
