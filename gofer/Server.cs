using System;
using Abi.Linux;
using HostOs;
using Lisafs;

namespace Gofer;

/// <summary>
/// Answers requests of one client: every file is reached one component at a time from an attach point's descriptor,
/// no symbolic link is ever followed, and a read-only attach point refuses every change. Any number of threads
/// dispatch at once; the server's only state is the handle table.
/// </summary>
public sealed partial class Server : IDisposable
{
    private readonly AttachPoint[] _attachPoints;
    private readonly HandleTable _handles = new();

    /// <summary>Directory /proc/self/fd: reopens an O_PATH descriptor by its number.</summary>
    private readonly int _descriptorDirectoryFd;

    /// <summary>What goes before a descriptor number to make a path of it, for calls that take only paths.</summary>
    private readonly string _descriptorPrefix;

    private Server(AttachPoint[] attachPoints, int descriptorDirectoryFd, string descriptorPrefix)
    {
        _attachPoints = attachPoints;
        _descriptorDirectoryFd = descriptorDirectoryFd;
        _descriptorPrefix = descriptorPrefix;
    }

    /// <summary>Handles the client holds.</summary>
    public int HandleCount => _handles.Count;

    /// <summary>A server in a process that sees /proc (tests, direct access to files).</summary>
    public static Errno Create(AttachPoint[] attachPoints, out Server? server)
    {
        const int Flags = HostFcntl.Path | HostFcntl.Directory | HostFcntl.CloseOnExec;
        server = null;
        Errno error = HostFcntl.OpenAt(HostFcntl.AtFdCwd, "/proc/self/fd", Flags, 0, out int fd);
        if (error == Errno.None)
        {
            server = new Server(attachPoints, fd, "/proc/self/fd/");
        }

        return error;
    }

    /// <summary>
    /// A server whose working directory is <paramref name="descriptorDirectoryFd"/> (the confined process).
    /// </summary>
    public static Server CreateConfined(AttachPoint[] attachPoints, int descriptorDirectoryFd) =>
        new(attachPoints, descriptorDirectoryFd, "");

    /// <summary>
    /// Answers one request; the result is the answer message in <paramref name="answer"/>. Descriptors in <paramref
    /// name="descriptors"/> are the caller's to send and close. A request that is malformed is answered EPROTO.
    /// </summary>
    public ReadOnlySpan<byte> Dispatch(
        ReadOnlySpan<byte> request, Span<byte> answer, Span<int> descriptors, out int descriptorCount)
    {
        MessageWriter writer = new(answer);
        AnswerDescriptors files = new(descriptors);
        Operation operation = Operation.None;
        Errno error = Errno.EPROTO;
        if (MessageFraming.TryParse(request, out MessageHeader header) && header.DescriptorCount == 0)
        {
            operation = (Operation)header.Operation;
            MessageReader body = new(request[MessageWriter.HeaderBytes..]);
            error = Perform(operation, ref body, ref writer, ref files);
        }

        if (error == Errno.None && writer.HasOverflowed)
        {
            error = Errno.E2BIG;
        }

        if (error != Errno.None)
        {
            files.CloseAll();
            writer.Rewind(MessageWriter.HeaderBytes);
        }

        descriptorCount = files.Count;
        return writer.Finish(operation, (int)error, files.Count);
    }

    /// <summary>The client is gone: closes all handles.</summary>
    public void DropClient() => _handles.Clear();

    /// <inheritdoc/>
    public void Dispose()
    {
        _handles.Clear();
        foreach (AttachPoint attachPoint in _attachPoints)
        {
            HostUnistd.Close(attachPoint.Fd);
        }

        HostUnistd.Close(_descriptorDirectoryFd);
    }

    private Errno Perform(
        Operation operation, ref MessageReader body, ref MessageWriter answer,
        ref AnswerDescriptors files) => operation switch
    {
        Operation.Mount => Mount(ref body, ref answer),
        Operation.Walk => Walk(ref body, ref answer),
        Operation.GetAttributes => GetAttributes(ref body, ref answer),
        Operation.SetAttributes => SetAttributes(ref body, ref answer),
        Operation.Open => Open(ref body, ref answer, ref files),
        Operation.ReadDirectory => ReadDirectory(ref body, ref answer),
        Operation.OpenDirectory => OpenDirectory(ref body, ref files),
        Operation.Create => Create(ref body, ref answer, ref files),
        Operation.MakeDirectory => MakeDirectory(ref body, ref answer),
        Operation.MakeNode => MakeNode(ref body, ref answer),
        Operation.MakeSymlink => MakeSymlink(ref body, ref answer),
        Operation.MakeUnnamed => MakeUnnamed(ref body, ref answer, ref files),
        Operation.Link => Link(ref body, ref answer),
        Operation.Unlink => Unlink(ref body, ref answer),
        Operation.Rename => Rename(ref body),
        Operation.ReadLink => ReadLink(ref body, ref answer),
        Operation.Statistics => Statistics(ref body, ref answer),
        Operation.Sync => Sync(ref body),
        Operation.GetXattr => GetXattr(ref body, ref answer),
        Operation.SetXattr => SetXattr(ref body),
        Operation.ListXattr => ListXattr(ref body, ref answer),
        Operation.RemoveXattr => RemoveXattr(ref body),
        Operation.Close => Close(ref body),
        _ => Errno.EPROTO,
    };

    /// <summary>Finds what a request names and holds it until the pin is disposed. EBADF, ENOTDIR, ENOENT.</summary>
    private Errno Pin(WireTarget target, out PinnedFile file)
    {
        file = default;
        Errno error = _handles.Acquire(target.Handle, out ServerHandle? handle);
        if (error != Errno.None)
        {
            return error;
        }

        if (target.Name.Length == 0)
        {
            file = new PinnedFile(handle!);
            return Errno.None;
        }

        error = OpenChild(handle!, target.Name, out int fd, out WireAttributes attributes);
        if (error != Errno.None)
        {
            handle!.DropReference();
            return error;
        }

        file = new PinnedFile(handle!, fd, attributes.Mode & StatMode.S_IFMT);
        return Errno.None;
    }

    /// <summary>As <see cref="Pin"/> for a directory that is about to be changed. ENOTDIR, EROFS.</summary>
    private Errno PinWritableDirectory(uint number, out PinnedFile directory)
    {
        Errno error = Pin(new WireTarget(number, ""), out directory);
        if (error != Errno.None)
        {
            return error;
        }

        if (directory.FileType != StatMode.S_IFDIR)
        {
            error = Errno.ENOTDIR;
        }
        else if (directory.IsReadOnly)
        {
            error = Errno.EROFS;
        }

        if (error != Errno.None)
        {
            directory.Dispose();
        }

        return error;
    }

    /// <summary>Opens a name below a directory as O_PATH, following nothing.</summary>
    private static Errno OpenChild(ServerHandle directory, string name, out int fd, out WireAttributes attributes)
    {
        fd = -1;
        attributes = default;
        if (!directory.IsDirectory)
        {
            return Errno.ENOTDIR;
        }

        return OpenChild(directory.Fd, name, out fd, out attributes);
    }

    private static Errno OpenChild(int directoryFd, string name, out int fd, out WireAttributes attributes)
    {
        const int Flags = HostFcntl.Path | HostFcntl.NoFollow | HostFcntl.CloseOnExec;
        attributes = default;
        Errno error = HostFcntl.OpenAt(directoryFd, name, Flags, 0, out fd);
        if (error != Errno.None)
        {
            return error;
        }

        error = FileAttributes.Read(fd, out attributes);
        if (error != Errno.None)
        {
            HostUnistd.Close(fd);
            fd = -1;
        }

        return error;
    }

    /// <summary>Opens the very file behind an O_PATH descriptor with other flags.</summary>
    private Errno Reopen(int fd, int flags, out int opened) =>
        HostFcntl.OpenAt(
            _descriptorDirectoryFd, DecimalNames.Get(
                fd), flags | HostFcntl.CloseOnExec | HostFcntl.NoCtty, 0, out opened);

    private static string LinkTargetOf(int fd, uint fileType)
    {
        if (fileType != StatMode.S_IFLNK)
        {
            return "";
        }

        return HostUnistd.ReadLinkAt(fd, "", out string target) == Errno.None ? target : "";
    }
}
