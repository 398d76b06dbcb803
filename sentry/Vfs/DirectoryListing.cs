using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Vfs;

/// <summary>One name of a <see cref="DirectoryListing"/>; the type is DT_*.</summary>
public readonly record struct ListedName(string Name, ulong Inode, byte Type);

/// <summary>
/// The names of a directory at one moment, without "." and ".."; never changed, so that readers share it.
/// </summary>
public sealed class DirectoryListing(ListedName[] names)
{
    /// <summary>The names, in the order they are given.</summary>
    public ListedName[] Names { get; } = names;
}

/// <summary>
/// An open directory of a file system that lists as a whole. It takes the listing when first read after open or
/// rewind and goes through that: names that come and go meanwhile neither shift positions nor appear twice, as
/// POSIX readdir() asks.
/// </summary>
public abstract class ListedDirectoryDescription : FileDescription
{
    private const long FirstName = 2;

    private DirectoryListing? _listing;

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    /// <summary>Inode numbers of the directory and of the one above it.</summary>
    protected abstract (ulong Self, ulong Parent) InodeNumbers { get; }

    /// <summary>The names now.</summary>
    protected abstract Errno GetListing(Task task, out DirectoryListing? listing);

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done)
    {
        done = 0;
        return Errno.EISDIR;
    }

    /// <inheritdoc/>
    public override Errno IterateDirectory(Task task, IDirentSink sink)
    {
        if (_listing is null || Position == 0)
        {
            Errno error = GetListing(task, out _listing);
            if (error != Errno.None)
            {
                return error;
            }
        }

        (ulong self, ulong parent) = InodeNumbers;
        long position = Position;
        bool goesOn = DirectoryEntries.AddDots(sink, self, parent, ref position);
        ListedName[] names = _listing!.Names;
        while (goesOn && position - FirstName < names.Length)
        {
            ListedName name = names[(int)(position - FirstName)];
            goesOn = sink.Add(name.Inode, name.Type, name.Name, position + 1);
            position += goesOn ? 1 : 0;
        }

        Position = position;
        return Errno.None;
    }
}
