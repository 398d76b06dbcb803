using System.Collections.Generic;
using Abi.Linux;
using Lisafs;
using Sentry.Sync;

namespace Sentry.Fs.Gofer;

/// <summary>
/// Typed calls to a server. A body that cannot be parsed is EIO: the server is another process and is believed no
/// more than any other. Buffers are pooled, so that a call allocates only what it returns.
/// </summary>
public sealed partial class GoferClient
{
    private const int CloseBatch = 128;
    private const int LeastFilesClosed = 16;
    private const int LeastViewsClosed = 4;

    private readonly OrderedLock<LeafLevel> _lock = new();
    private readonly Stack<CallBuffers> _buffers = new();
    private readonly uint[] _dead = new uint[CloseBatch];
    private int _deadCount;

    /// <summary>A client that keeps as much as the process's own limits allow.</summary>
    public GoferClient(ITransport transport)
        : this(transport, GoferBudget.OfThisProcess())
    {
    }

    /// <summary>A client of a server behind <paramref name="transport"/>.</summary>
    public GoferClient(ITransport transport, GoferBudget budget)
    {
        Transport = transport;
        Ceiling = budget.Ceiling;
        Handles = new HandleCache(this, budget.Handles);
        Idle = new KeptDescriptors<GoferRegularFile>(budget.IdleFiles, LeastFilesClosed);
        Views = new KeptDescriptors<GoferDirectory>(budget.Views, LeastViewsClosed);
    }

    /// <summary>Handles of all inodes.</summary>
    internal HandleCache Handles { get; }

    /// <summary>Files with descriptors that nobody has open.</summary>
    internal KeptDescriptors<GoferRegularFile> Idle { get; }

    /// <summary>Directories that are looked at without the server.</summary>
    internal KeptDescriptors<GoferDirectory> Views { get; }

    private ITransport Transport { get; }

    private int Ceiling { get; }

    /// <summary>Attaches to attach point <paramref name="index"/>.</summary>
    public Errno Mount(uint index, out MountAnswer answer)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new MountRequest(index).Write(ref writer);
        Errno error = call.Send(ref writer, Operation.Mount, out MessageReader body);
        answer = default;
        return error == Errno.None ? Check(MountAnswer.TryRead(ref body, out answer)) : error;
    }

    /// <summary>Looks up one name. ENOENT.</summary>
    public Errno Walk(uint directory, string name, WalkHandles handles, out WireNode node)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new WalkRequest(directory, handles, [name]).Write(ref writer);
        node = default;
        Errno error = call.Send(ref writer, Operation.Walk, out MessageReader body);
        if (error != Errno.None)
        {
            return error;
        }

        if (!WalkAnswer.TryRead(ref body, out WalkAnswer head))
        {
            return Errno.EIO;
        }

        if (head.Count != 1)
        {
            return head.Error == 0 ? Errno.EIO : (Errno)head.Error;
        }

        return Check(WireNode.TryRead(ref body, out node));
    }

    /// <summary>
    /// Looks up names one below the other, with handles on all; nodes are appended until the first that fails.
    /// </summary>
    public Errno Walk(uint directory, string[] names, List<WireNode> nodes)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new WalkRequest(directory, WalkHandles.All, names).Write(ref writer);
        Errno error = call.Send(ref writer, Operation.Walk, out MessageReader body);
        if (error != Errno.None)
        {
            return error;
        }

        if (!WalkAnswer.TryRead(ref body, out WalkAnswer head) || head.Count > (uint)names.Length)
        {
            return Errno.EIO;
        }

        for (uint i = 0; i < head.Count; i++)
        {
            if (!WireNode.TryRead(ref body, out WireNode node))
            {
                return Errno.EIO;
            }

            nodes.Add(node);
        }

        if (head.Error != 0)
        {
            return (Errno)head.Error;
        }

        return nodes.Count == names.Length ? Errno.None : Errno.ENOTDIR;
    }

    /// <summary>Current attributes.</summary>
    public Errno GetAttributes(WireTarget target, out WireAttributes attributes)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new TargetRequest(target).Write(ref writer);
        attributes = default;
        Errno error = call.Send(ref writer, Operation.GetAttributes, out MessageReader body);
        return error == Errno.None ? Check(body.Read(out attributes)) : error;
    }

    /// <summary>Changes attributes and returns what they are then.</summary>
    public Errno SetAttributes(WireTarget target, in WireAttributeChange change, out WireAttributes attributes)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new SetAttributesRequest(target, change).Write(ref writer);
        attributes = default;
        Errno error = call.Send(ref writer, Operation.SetAttributes, out MessageReader body);
        return error == Errno.None ? Check(body.Read(out attributes)) : error;
    }

    /// <summary>Opens a file; the caller owns the host descriptor.</summary>
    public Errno Open(WireTarget target, int flags, out int hostFd, out WireAttributes attributes)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new OpenRequest(target, flags).Write(ref writer);
        attributes = default;
        hostFd = -1;
        Errno error = call.Send(ref writer, Operation.Open, out MessageReader body);
        if (error != Errno.None)
        {
            return error;
        }

        return body.Read(out attributes) ? call.TakeDescriptor(out hostFd) : Errno.EIO;
    }

    /// <summary>A descriptor (O_PATH) of a directory; the caller owns it.</summary>
    public Errno OpenDirectory(WireTarget directory, out int hostFd)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new TargetRequest(directory).Write(ref writer);
        hostFd = -1;
        Errno error = call.Send(ref writer, Operation.OpenDirectory, out _);
        return error == Errno.None ? call.TakeDescriptor(out hostFd) : error;
    }

    /// <summary>One batch of a directory; entries are appended to <paramref name="entries"/>.</summary>
    public Errno ReadDirectory(
        WireTarget directory, DirectoryDetail detail, long cookie, List<WireEntry> entries, out DirectoryAnswer answer)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new ReadDirectoryRequest(directory, detail, cookie).Write(ref writer);
        answer = default;
        Errno error = call.Send(ref writer, Operation.ReadDirectory, out MessageReader body);
        if (error != Errno.None)
        {
            return error;
        }

        if (!DirectoryAnswer.TryRead(ref body, out answer))
        {
            return Errno.EIO;
        }

        for (uint i = 0; i < answer.Count; i++)
        {
            if (!WireEntry.TryRead(ref body, out WireEntry entry))
            {
                return Errno.EIO;
            }

            entries.Add(entry);
        }

        return Errno.None;
    }

    /// <summary>MakeDirectory, MakeNode, MakeSymlink.</summary>
    public Errno Make(Operation operation, in CreateRequest request, out WireNode node)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        request.Write(ref writer);
        node = default;
        Errno error = call.Send(ref writer, operation, out MessageReader body);
        return error == Errno.None ? Check(WireNode.TryRead(ref body, out node)) : error;
    }

    /// <summary>
    /// Create, MakeUnnamed: also returns a descriptor for reading and writing, which the caller owns; -1 when the file
    /// was made but there was no room for its descriptor.
    /// </summary>
    public Errno Create(Operation operation, in CreateRequest request, out WireNode node, out int hostFd)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        request.Write(ref writer);
        node = default;
        hostFd = -1;
        Errno error = call.Send(ref writer, operation, out MessageReader body);
        if (error != Errno.None)
        {
            return error;
        }

        return Check(WireNode.TryRead(ref body, out node) && call.TakeDescriptorIfAny(out hostFd));
    }

    /// <summary>Makes a hard link and returns the file's attributes.</summary>
    public Errno Link(WireTarget target, uint directory, string name, out WireAttributes attributes)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new LinkRequest(target, directory, name).Write(ref writer);
        attributes = default;
        Errno error = call.Send(ref writer, Operation.Link, out MessageReader body);
        return error == Errno.None ? Check(body.Read(out attributes)) : error;
    }

    /// <summary>Removes a name; <paramref name="handle"/> is on what lost it if that was asked for.</summary>
    public Errno Unlink(uint directory, string name, UnlinkFlags flags, out uint handle)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new UnlinkRequest(directory, flags, name).Write(ref writer);
        handle = Protocol.NoHandle;
        Errno error = call.Send(ref writer, Operation.Unlink, out MessageReader body);
        return error == Errno.None ? Check(body.Read(out handle)) : error;
    }

    /// <summary>renameat2(2).</summary>
    public Errno Rename(uint oldDirectory, string oldName, uint newDirectory, string newName, uint flags)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new RenameRequest(oldDirectory, oldName, newDirectory, newName, flags).Write(ref writer);
        return call.Send(ref writer, Operation.Rename, out _);
    }

    /// <summary>statfs(2).</summary>
    public Errno GetStatistics(WireTarget target, out WireStatistics statistics)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new TargetRequest(target).Write(ref writer);
        statistics = default;
        Errno error = call.Send(ref writer, Operation.Statistics, out MessageReader body);
        return error == Errno.None ? Check(body.Read(out statistics)) : error;
    }

    /// <summary>fsync(2) of a directory or of a file that has no descriptor here.</summary>
    public Errno Sync(WireTarget target)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new TargetRequest(target).Write(ref writer);
        return call.Send(ref writer, Operation.Sync, out _);
    }
}
