using System;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Vfs.Synthetic;

/// <summary>An open generated file: keeps the text of the last reading from offset 0, so that a reader with a small
/// buffer sees one state.</summary>
internal sealed class SyntheticFileDescription : FileDescription
{
    private readonly SyntheticFile _file;

    // Guards the text.
    private readonly OrderedLock<InodeLevel> _lock = new();
    private byte[]? _text;

    internal SyntheticFileDescription(SyntheticFile file, VfsPath path, int flags)
    {
        _file = file;
        Path = path;
        Flags = flags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _file;

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    /// <inheritdoc/>
    public override bool TakesPositionedWrites => _file.Writing == SyntheticWriting.Anywhere;

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done)
    {
        done = 0;
        Errno errno = GetText(task, offset, out byte[] text);
        if (errno != Errno.None || offset >= text.Length)
        {
            return errno;
        }

        errno = destination.CopyOut(text.AsSpan((int)offset), out int copied);
        done = copied;
        return errno;
    }

    /// <inheritdoc/>
    public override Errno PWrite(Task task, ref IoSequence source, long offset, out long done, out long newOffset)
    {
        done = 0;
        newOffset = offset;
        if (_file.Writing == SyntheticWriting.AtStart && offset != 0)
        {
            return Errno.EINVAL;
        }

        int length = (int)Math.Min(source.Remaining, SyntheticFile.MaxWriteBytes);
        byte[] bytes = new byte[length];
        Errno errno = source.CopyIn(bytes, out int copied);
        if (errno == Errno.None)
        {
            errno = _file.Write(task, Encoding.Latin1.GetString(bytes, 0, copied), offset);
        }

        if (errno == Errno.None)
        {
            done = copied;
            newOffset = offset + copied;
        }

        return errno;
    }

    private Errno GetText(Task task, long offset, out byte[] text)
    {
        using (_lock.Enter())
        {
            if (_text is not null && offset != 0)
            {
                text = _text;
                return Errno.None;
            }
        }

        StringBuilder builder = new();
        Errno errno = _file.Generate(task, builder);
        text = errno == Errno.None ? Encoding.Latin1.GetBytes(builder.ToString()) : [];
        using (_lock.Enter())
        {
            _text = text;
        }

        return errno;
    }
}
