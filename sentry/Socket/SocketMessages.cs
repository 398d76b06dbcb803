using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Socket;

/// <summary>Open files on their way with a message (SCM_RIGHTS, unix(7)); owns one reference on each.</summary>
public sealed class MessageRights
{
    /// <summary>Most descriptors in one message (SCM_MAX_FD, include/net/scm.h).</summary>
    public const int MaxFiles = 253;

    // What the outermost Dispose of this thread has still to drop; null outside of one.
    [ThreadStatic]
    private static Queue<FileDescription>? s_dropped;

    private readonly FileDescription[] _files;
    private readonly UserAccount? _sender;
    private readonly ThreadGroup? _process;

    /// <summary>Takes over the references in <paramref name="files"/>; <paramref name="sender"/>'s user and process are
    /// charged while they travel.</summary>
    public MessageRights(FileDescription[] files, Task? sender = null)
    {
        _files = files;
        _sender = sender?.Account;
        _process = sender?.ThreadGroup;
    }

    /// <summary>The files in the order they were given.</summary>
    public ReadOnlySpan<FileDescription> Files => _files;

    /// <summary>The files are queued from now on.</summary>
    internal void BeginTravel() => Count(_files.Length);

    /// <summary>They are queued no more.</summary>
    internal void EndTravel() => Count(-_files.Length);

    /// <summary>A copy with references of its own (MSG_PEEK).</summary>
    public MessageRights Duplicate()
    {
        foreach (FileDescription file in _files)
        {
            file.AddReference();
        }

        return new MessageRights((FileDescription[])_files.Clone());
    }

    /// <summary>
    /// Drops the references. Called without locks: files may close. A socket that closes drops what is queued in it;
    /// chains of such sockets may be long, so that is done one after the other and not by recursion.
    /// </summary>
    public void Dispose()
    {
        Queue<FileDescription>? dropped = s_dropped;
        if (dropped is not null)
        {
            EnqueueFiles(dropped);
            return;
        }

        s_dropped = dropped = new Queue<FileDescription>();
        EnqueueFiles(dropped);
        while (dropped.TryDequeue(out FileDescription? file))
        {
            file.DropReference(null);
        }

        s_dropped = null;
    }

    private void Count(int change)
    {
        _sender?.ChangeFilesInFlight(change);
        _process?.ChangeFilesInFlight(change);
    }

    private void EnqueueFiles(Queue<FileDescription> dropped)
    {
        foreach (FileDescription file in _files)
        {
            dropped.Enqueue(file);
        }
    }
}

/// <summary>
/// Who sent a message (SCM_CREDENTIALS) or holds the other end (SO_PEERCRED). Ids are kuids; groups only for the
/// latter.
/// </summary>
public readonly record struct MessageCredentials(Pid? Process, uint Uid, uint Gid, uint[]? Groups = null)
{
    /// <summary>Credentials of a message that carries none (overflowuid(5)).</summary>
    public static MessageCredentials None => new(null, UserNamespace.OverflowId, UserNamespace.OverflowId);

    /// <summary>A task's own effective ids and groups, as SO_PEERCRED reports them.</summary>
    public static MessageCredentials Of(Task task) => new(
        task.ThreadGroup.Identity,
        task.Credentials.EffectiveUid,
        task.Credentials.EffectiveGid,
        task.Credentials.Groups);

    /// <summary>A task's real ids, which automatic SCM_CREDENTIALS carry (include/net/scm.h, scm_send).</summary>
    public static MessageCredentials RealOf(Task task) =>
        new(task.ThreadGroup.Identity, task.Credentials.RealUid, task.Credentials.RealGid);

    /// <summary>struct ucred as the task's namespaces see it: pid 0 and overflow ids for what they do not.</summary>
    public void Write(Task task, Span<byte> ucred)
    {
        UserNamespace viewer = task.Credentials.UserNamespace;
        BinaryPrimitives.WriteInt32LittleEndian(ucred, Process?.NumberIn(task.PidNamespace) ?? 0);
        BinaryPrimitives.WriteUInt32LittleEndian(ucred[4..], viewer.FromKernelUidOrOverflow(Uid));
        BinaryPrimitives.WriteUInt32LittleEndian(ucred[8..], viewer.FromKernelGidOrOverflow(Gid));
    }
}

/// <summary>One send operation: everything but the bytes.</summary>
public ref struct SendRequest
{
    /// <summary>MSG_* flags.</summary>
    public int Flags;

    /// <summary>Destination; empty for the connected peer.</summary>
    public ReadOnlySpan<byte> Address;

    /// <summary>
    /// Files to pass; ownership moves to the socket when the operation reports bytes done, or success.
    /// </summary>
    public MessageRights? Rights;

    /// <summary>Credentials the sender gave, or null.</summary>
    public MessageCredentials? Credentials;

    /// <summary>After EAGAIN: the queue to wait on for EPOLLOUT, when it is not the socket's own.</summary>
    public WaitQueue? BlockOn;

    /// <summary>Not the first attempt of this operation: it slept since.</summary>
    public bool HasBegun;

    /// <summary>Some of the bytes went out in earlier attempts.</summary>
    public bool HasSent;
}

/// <summary>One receive operation: everything but the bytes.</summary>
public ref struct ReceiveRequest
{
    /// <summary>MSG_* flags given.</summary>
    public int Flags;

    /// <summary>Room for the sender's address.</summary>
    public Span<byte> Address;

    /// <summary>Bytes of <see cref="Address"/> that were set; 0 when the sender has no name.</summary>
    public int AddressBytes;

    /// <summary>MSG_* flags to report.</summary>
    public int MessageFlags;

    /// <summary>Files received; the caller owns them.</summary>
    public MessageRights? Rights;

    /// <summary>Who sent it, when the socket asks for it (SO_PASSCRED).</summary>
    public MessageCredentials? Credentials;
}
