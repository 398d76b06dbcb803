using System.Threading;
using Abi.Linux;
using HostOs;
using Lisafs;
using Platform;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Fs.Gofer;

/// <summary>
/// Host descriptors of the file: at most one for reading and one for reading and writing, shared by all who open it
/// and kept for the next who does, until there are too many idle ones.
/// </summary>
internal sealed partial class GoferRegularFile : IKeepsDescriptors
{
    private const ulong PinBytes = GuestAddress.PageSize;

    /// <summary>
    /// Guards the fields below. A mapper is only dropped while nobody has the file open, so that an open
    /// description uses it without the lock.
    /// </summary>
    private readonly OrderedLock<PageCacheLevel> _descriptorLock = new();
    private HostFileMapper? _reader;
    private HostFileMapper? _writer;
    private int _opens;

    /// <inheritdoc/>
    public bool IsKept { get; set; }

    /// <summary>A descriptor that can be read. For open files only.</summary>
    internal int ReadFd => (Volatile.Read(ref _writer) ?? Volatile.Read(ref _reader)!).HostFd;

    /// <summary>A descriptor that can be read and written. For files open for writing only.</summary>
    internal int WriteFd => Volatile.Read(ref _writer)!.HostFd;

    /// <summary>
    /// Takes over the descriptor (for reading and writing) of a file that was just made; -1 when there was no room for
    /// it.
    /// </summary>
    internal void AdoptDescriptor(int hostFd)
    {
        if (hostFd < 0)
        {
            return;
        }

        Install(Fcntl.O_RDWR, hostFd, opens: 0);
        Client.Idle.Add(this);
    }

    /// <summary>
    /// One more description; afterwards there is a descriptor for the access (O_RDONLY or O_RDWR) until <see
    /// cref="DropOpen"/>.
    /// </summary>
    internal Errno AddOpen(int access)
    {
        using (_descriptorLock.Enter())
        {
            if (HasLocked(access))
            {
                _opens++;
                return Errno.None;
            }
        }

        if (access != Fcntl.O_RDONLY && Gofer.IsServedReadOnly)
        {
            return Errno.EROFS;
        }

        using TargetHold target = GetTarget(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        error = Client.Open(target.Wire, access, out int fd, out WireAttributes attributes);
        if (error != Errno.None)
        {
            return error;
        }

        if ((attributes.Device, attributes.Inode) != HostIdentity)
        {
            HostUnistd.Close(fd);
            return Errno.ESTALE;
        }

        Install(access, fd, opens: 1);
        return Errno.None;
    }

    /// <summary>One description fewer.</summary>
    internal void DropOpen()
    {
        bool isIdle;
        using (_descriptorLock.Enter())
        {
            isIdle = --_opens == 0;
        }

        if (isIdle)
        {
            Client.Idle.Add(this);
        }
    }

    /// <summary>Closes the descriptors if nobody has the file open; mappings keep what they use.</summary>
    public void CloseDescriptors()
    {
        HostFileMapper? reader;
        HostFileMapper? writer;
        using (_descriptorLock.Enter())
        {
            if (_opens > 0)
            {
                return;
            }

            reader = _reader;
            writer = _writer;
            Volatile.Write(ref _reader, null);
            Volatile.Write(ref _writer, null);
        }

        reader?.DropOwner();
        writer?.DropOwner();
    }

    /// <summary>Holds a descriptor for the access, if there is one, until <see cref="Unpin"/>.</summary>
    private bool TryPin(int access, out HostFileMapper? mapper)
    {
        using (_descriptorLock.Enter())
        {
            mapper = _writer ?? (access == Fcntl.O_RDONLY ? _reader : null);
            mapper?.AddReference(0, PinBytes);
            return mapper is not null;
        }
    }

    private static void Unpin(HostFileMapper mapper) => mapper.DropReference(0, PinBytes);

    private bool HasLocked(int access) => _writer is not null || (access == Fcntl.O_RDONLY && _reader is not null);

    private void Install(int access, int fd, int opens)
    {
        using (_descriptorLock.Enter())
        {
            _opens += opens;
            if (!HasLocked(access))
            {
                bool isWriter = access != Fcntl.O_RDONLY;
                MemoryAccess memory = MemoryAccess.Read | (isWriter ? MemoryAccess.Write : MemoryAccess.None);
                bool isConstant = Gofer.IsServedReadOnly && !Gofer.IsShared;
                HostContents contents = isConstant ? HostContents.Constant : HostContents.Changing;
                HostFileMapper mapper = new(new HostFd(fd), memory, contents);
                Volatile.Write(ref isWriter ? ref _writer : ref _reader, mapper);
                return;
            }
        }

        HostUnistd.Close(fd);
    }
}
