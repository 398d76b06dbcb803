using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Vfs;

/// <summary>
/// Receives directory entries; returns false when its buffer is full (the entry is then given again next time).
/// </summary>
public interface IDirentSink
{
    /// <summary>
    /// One entry: d_ino, d_type (DT_*), name, and the position after it (the cookie for lseek and the next call).
    /// </summary>
    bool Add(ulong inode, byte type, string name, long nextPosition);
}

/// <summary>
/// An open file description (open(2)). Reference-counted by descriptors, mappings and calls in progress. Positions are
/// handled here: subclasses implement
/// the positional operations (seekable files) or the streaming ones. Blocking is the caller's: an operation that cannot
/// go on says EAGAIN and the
/// system-call layer waits on <see cref="WaitQueue"/> unless O_NONBLOCK.
/// </summary>
public abstract partial class FileDescription
{
    /// <summary>
    /// O_ACCMODE and status flags (O_APPEND, O_NONBLOCK, O_DIRECT, O_PATH...); F_SETFL changes the latter.
    /// </summary>
    public int Flags { get; set; }

    /// <summary>
    /// Where it was opened; default for anonymous files (pipe, socket, eventfd), whose <see cref="AnonymousName"/>
    /// names them.
    /// </summary>
    public VfsPath Path { get; protected internal set; }

    /// <summary>Inode; anonymous files have one too (for fstat).</summary>
    public abstract Inode Inode { get; }

    /// <summary>
    /// What /proc/pid/fd/N shows for anonymous files: "pipe:[17]", "anon_inode:[eventfd]"; null when <see cref="Path"/>
    /// tells.
    /// </summary>
    public virtual string? AnonymousName => null;

    /// <summary>True when lseek works and positional I/O is allowed (else ESPIPE).</summary>
    public virtual bool IsSeekable => false;

    /// <summary>May a write name its offset (FMODE_PWRITE)?</summary>
    public virtual bool TakesPositionedWrites => IsSeekable;

    /// <summary>True when the flags allow reading.</summary>
    public bool CanRead => (Flags & (Fcntl.O_ACCMODE | Fcntl.O_PATH)) is Fcntl.O_RDONLY or Fcntl.O_RDWR;

    /// <summary>True when the flags allow writing.</summary>
    public bool CanWrite => (Flags & (Fcntl.O_ACCMODE | Fcntl.O_PATH)) is Fcntl.O_WRONLY or Fcntl.O_RDWR;

    /// <summary>O_NONBLOCK.</summary>
    public bool IsNonBlocking => (Flags & Fcntl.O_NONBLOCK) != 0;

    /// <summary>O_PATH: names a place, allows no I/O.</summary>
    public bool IsPathOnly => (Flags & Fcntl.O_PATH) != 0;

    /// <summary>Longest a blocking read waits (SO_RCVTIMEO) in ns; long.MaxValue for ever.</summary>
    public virtual long ReadTimeoutNs => long.MaxValue;

    /// <summary>Longest a blocking write waits (SO_SNDTIMEO) in ns.</summary>
    public virtual long WriteTimeoutNs => long.MaxValue;

    /// <summary>
    /// Flags that F_SETFL may not set: O_DIRECT on files that cannot, O_ASYNC where there is no signal. EINVAL.
    /// </summary>
    public virtual Errno CheckFlags(int flags) => Errno.None;

    /// <summary>Positional read; done = 0 with None at end of file.</summary>
    public virtual Errno PRead(Task task, ref IoSequence destination, long offset, out long done)
    {
        done = 0;
        return Errno.ESPIPE;
    }

    /// <summary>
    /// Positional write. With O_APPEND the offset is ignored; <paramref name="newOffset"/> says where the write ended.
    /// RLIMIT_FSIZE was applied by the caller.
    /// </summary>
    public virtual Errno PWrite(Task task, ref IoSequence source, long offset, out long done, out long newOffset)
    {
        done = 0;
        newOffset = offset;
        return Errno.ESPIPE;
    }

    /// <summary>
    /// Streaming read; the default uses the position and <see cref="PRead"/>. EAGAIN when it would block.
    /// </summary>
    public virtual Errno Read(Task task, ref IoSequence destination, out long done) =>
        ReadAtPosition(task, ref destination, out done);

    /// <summary>
    /// Streaming write; the default uses the position and <see cref="PWrite"/>. EAGAIN when it would block (done may be
    /// positive: partial).
    /// </summary>
    public virtual Errno Write(Task task, ref IoSequence source, out long done) =>
        WriteAtPosition(task, ref source, out done);

    /// <summary>
    /// Goes on with a write that slept, of which <paramref name="before"/> bytes are written; as <see cref="Write"/>.
    /// </summary>
    public virtual Errno WriteOn(Task task, ref IoSequence source, long before, out long done) =>
        Write(task, ref source, out done);

    /// <summary>lseek(2): SEEK_SET, CUR, END, DATA, HOLE; the default handles seekable files from their size.</summary>
    public virtual Errno Seek(Task task, long offset, int whence, out long result) =>
        SeekBySize(task, offset, whence, out result);

    /// <summary>
    /// SEEK_DATA and SEEK_HOLE: the next data or hole at or after <paramref name="offset"/>, which is below <paramref
    /// name="sizeBytes"/>. The default knows no holes.
    /// </summary>
    protected virtual Errno FindExtent(long offset, int whence, long sizeBytes, out long result)
    {
        result = whence == Fcntl.SEEK_DATA ? offset : sizeBytes;
        return Errno.None;
    }

    /// <summary>
    /// Directory reading from the current <see cref="Position"/>, which it advances (the position lock is held);
    /// ENOTDIR by default.
    /// </summary>
    public virtual Errno IterateDirectory(Task task, IDirentSink sink) => Errno.ENOTDIR;

    /// <summary>Events (EPOLLIN...) that hold now; regular files are always readable and writable.</summary>
    public virtual uint Poll(Task task) => 0x1 | 0x4 | 0x40 | 0x100;

    /// <summary>
    /// Queue that is notified when <see cref="Poll"/> may change; null when it never does (epoll then says EPERM).
    /// </summary>
    public virtual WaitQueue? WaitQueue => null;

    /// <summary>ioctl(2); ENOTTY by default. Result as the call's return value.</summary>
    public virtual Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        return Errno.ENOTTY;
    }

    /// <summary>What mmap maps; ENODEV by default.</summary>
    public virtual Errno GetMappable(Task task, out IMappable? mappable)
    {
        mappable = null;
        return Errno.ENODEV;
    }

    /// <summary>fsync(2), fdatasync(2); EINVAL by default.</summary>
    public virtual Errno Sync(Task task) => Errno.EINVAL;

    /// <summary>fallocate(2); EOPNOTSUPP by default.</summary>
    public virtual Errno Allocate(Task task, int mode, long offset, long lengthBytes) => Errno.EOPNOTSUPP;

    /// <summary>Every close(2) of a descriptor calls it (POSIX locks and the like are handled by the VFS).</summary>
    public virtual Errno Flush(Task task) => Errno.None;

    /// <summary>
    /// Lines of /proc/pid/fdinfo/N beyond pos, flags, mnt_id and ino (proc_pid_fdinfo(5)), each ended by a newline,
    /// as <paramref name="reader"/> sees them.
    /// </summary>
    public virtual void AppendInformation(Task reader, System.Text.StringBuilder text)
    {
    }

    /// <summary>The last reference is gone.</summary>
    protected virtual void Release()
    {
    }
}
