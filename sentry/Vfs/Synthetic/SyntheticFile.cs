using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using static Abi.Linux.StatMode;

namespace Sentry.Vfs.Synthetic;

/// <summary>Where a generated file takes writes.</summary>
public enum SyntheticWriting
{
    /// <summary>At any offset, which is not looked at.</summary>
    Anywhere,

    /// <summary>Not at an offset that the write names: pwrite(2) is ESPIPE (fs/seq_file.c, seq_open).</summary>
    AtPosition,

    /// <summary>As that, and only from the start: EINVAL elsewhere.</summary>
    AtStart,
}

/// <summary>A file whose text is generated when it is read from the start (as Linux's seq_file), and which may take
/// writes.</summary>
public abstract class SyntheticFile(SyntheticSuperBlock superBlock, SyntheticIdentity identity)
    : SyntheticInode(superBlock, identity)
{
    /// <summary>Longest write that is taken at once (a page, as kernel/sysctl.c and fs/proc take).</summary>
    public const int MaxWriteBytes = 4096;

    /// <inheritdoc/>
    public override uint FileType => S_IFREG;

    /// <summary>Appends the text as a byte string. ESRCH when what it shows is gone, EACCES when the reader may not
    /// see it.</summary>
    public abstract Errno Generate(Task reader, StringBuilder text);

    /// <summary>Takes one write(2) at offset <paramref name="offset"/>; <paramref name="text"/> is all of it. EINVAL
    /// by default.</summary>
    public virtual Errno Write(Task writer, string text, long offset) => Errno.EINVAL;

    /// <summary>How writes may come.</summary>
    public virtual SyntheticWriting Writing => SyntheticWriting.Anywhere;

    /// <summary>Rights beyond the permission bits, asked at open.</summary>
    public virtual Errno MayOpen(Task task, int flags) => Errno.None;

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        Errno errno = MayOpen(task, flags);
        file = errno == Errno.None ? new SyntheticFileDescription(this, path, flags) : null;
        return errno;
    }
}

/// <summary>Writes the text of a generated file.</summary>
public delegate Errno TextGenerator(Task reader, StringBuilder text);

/// <summary>Takes a write to a generated file.</summary>
public delegate Errno TextConsumer(Task writer, string text);

/// <summary>A generated file from a method that makes its text and, for settings, one that takes a new value.</summary>
public sealed class TextFile(SyntheticSuperBlock superBlock, SyntheticIdentity identity, TextGenerator generate,
    TextConsumer? consume = null)
    : SyntheticFile(superBlock, identity)
{
    /// <inheritdoc/>
    public override Errno Generate(Task reader, StringBuilder text) => generate(reader, text);

    /// <inheritdoc/>
    public override Errno Write(Task writer, string text, long offset) => consume is null ? Errno.EACCES
        : consume(writer, text);
}
