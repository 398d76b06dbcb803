using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Socket;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>Ancillary data of sendmsg(2) and recvmsg(2): cmsg(3), unix(7), net/core/scm.c.</summary>
internal static class ControlMessages
{
    private const int HeaderBytes = 16;
    private const int CredentialsBytes = 12;

    // net.core.optmem_max.
    private const ulong MaxControlBytes = 131072;

    /// <summary>
    /// Parses what the guest sends along: SCM_RIGHTS and SCM_CREDENTIALS. On error nothing is left to drop.
    /// </summary>
    public static Errno Read(Task task, ulong address, ulong lengthBytes, ref SendRequest request)
    {
        if (lengthBytes == 0)
        {
            return Errno.None;
        }

        if (lengthBytes > MaxControlBytes)
        {
            return Errno.ENOBUFS;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)lengthBytes);
        Span<byte> control = buffer.AsSpan(0, (int)lengthBytes);
        List<FileDescription> files = new();
        Errno error = task.Mm.CopyIn(new GuestAddress(address), control);
        error = error == Errno.None ? Parse(task, control, files, ref request) : error;
        error = error == Errno.None && files.Count > 0 ? CheckInFlight(task) : error;
        ArrayPool<byte>.Shared.Return(buffer);
        if (error != Errno.None)
        {
            new MessageRights(files.ToArray()).Dispose();
            return error;
        }

        request.Rights = files.Count > 0 ? new MessageRights(files.ToArray(), task) : null;
        return Errno.None;
    }

    /// <summary>ETOOMANYREFS when the user has more descriptors under way than one process may have open.</summary>
    private static Errno CheckInFlight(Task task)
    {
        bool over = (ulong)task.Account.FilesInFlight > task.ThreadGroup.Limits.Soft(Resource.RLIMIT_NOFILE);
        bool exempt = task.Credentials.IsCapable(Capability.CAP_SYS_RESOURCE)
            || task.Credentials.IsCapable(Capability.CAP_SYS_ADMIN);
        return over && !exempt ? Errno.ETOOMANYREFS : Errno.None;
    }

    /// <summary>
    /// Writes what came along, in Linux's order: credentials, then descriptors. What does not fit sets MSG_CTRUNC.
    /// </summary>
    public static Errno Write(Task task, ulong address, ulong lengthBytes, ref ReceiveRequest request, out ulong used)
    {
        used = 0;
        Errno error = Errno.None;
        if (request.Credentials is { } credentials)
        {
            error = WriteCredentials(task, address, lengthBytes, credentials, ref request, ref used);
        }

        if (request.Rights is { } rights)
        {
            error = error == Errno.None
                ? WriteRights(task, address, lengthBytes, rights, ref request, ref used)
                : error;
            rights.Dispose();
            request.Rights = null;
        }

        return error;
    }

    /// <summary>Fuzz entry: takes a whole control buffer apart; <paramref name="files"/> gets a reference on
    /// each.</summary>
    internal static Errno Parse(
        Task task, ReadOnlySpan<byte> control, List<FileDescription> files, ref SendRequest request)
    {
        while (control.Length >= HeaderBytes)
        {
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(control);
            int level = BinaryPrimitives.ReadInt32LittleEndian(control[8..]);
            int type = BinaryPrimitives.ReadInt32LittleEndian(control[12..]);
            if (length < HeaderBytes || length > (ulong)control.Length)
            {
                return Errno.EINVAL;
            }

            ReadOnlySpan<byte> data = control[HeaderBytes..(int)length];
            Errno error = level == Sockets.SOL_SOCKET ? ParseOne(task, type, data, files, ref request) : Errno.None;
            if (error != Errno.None)
            {
                return error;
            }

            control = control[Math.Min(control.Length, Align((int)length))..];
        }

        return Errno.None;
    }

    private static Errno ParseOne(
        Task task,
        int type,
        ReadOnlySpan<byte> data,
        List<FileDescription> files,
        ref SendRequest request) => type switch
    {
        Sockets.SCM_RIGHTS => ParseRights(task, data, files),
        Sockets.SCM_CREDENTIALS => ParseCredentials(task, data, ref request),
        _ => Errno.EINVAL,
    };

    private static Errno ParseRights(Task task, ReadOnlySpan<byte> data, List<FileDescription> files)
    {
        int count = data.Length / sizeof(int);
        if (files.Count + count > MessageRights.MaxFiles)
        {
            return Errno.EINVAL;
        }

        for (int i = 0; i < count; i++)
        {
            int descriptor = BinaryPrimitives.ReadInt32LittleEndian(data[(i * sizeof(int))..]);
            FileDescription? file = descriptor < 0 ? null : task.FdTable.Get(descriptor);
            if (file is null)
            {
                return Errno.EBADF;
            }

            files.Add(file);
        }

        return Errno.None;
    }

    private static Errno ParseCredentials(Task task, ReadOnlySpan<byte> data, ref SendRequest request)
    {
        if (data.Length != CredentialsBytes)
        {
            return Errno.EINVAL;
        }

        int pid = BinaryPrimitives.ReadInt32LittleEndian(data);
        Credentials own = task.Credentials;
        uint uid = own.UserNamespace.ToKernelUid(BinaryPrimitives.ReadUInt32LittleEndian(data[4..]));
        uint gid = own.UserNamespace.ToKernelGid(BinaryPrimitives.ReadUInt32LittleEndian(data[8..]));
        if (uid == uint.MaxValue || gid == uint.MaxValue)
        {
            return Errno.EINVAL;
        }

        bool isOwnPid = pid == task.ThreadGroup.Identity.NumberIn(task.PidNamespace);
        bool isOwnUid = uid == own.RealUid || uid == own.EffectiveUid || uid == own.SavedUid;
        bool isOwnGid = gid == own.RealGid || gid == own.EffectiveGid || gid == own.SavedGid;
        if ((!isOwnPid && !own.HasCapability(Capability.CAP_SYS_ADMIN, task.PidNamespace.Owner))
            || (!isOwnUid && !own.HasCapability(Capability.CAP_SETUID))
            || (!isOwnGid && !own.HasCapability(Capability.CAP_SETGID)))
        {
            return Errno.EPERM;
        }

        Pid? identity = isOwnPid ? task.ThreadGroup.Identity : task.PidNamespace.Find(pid);
        if (identity is null)
        {
            return Errno.ESRCH;
        }

        request.Credentials = new MessageCredentials(identity, uid, gid);
        return Errno.None;
    }

    private static Errno WriteCredentials(
        Task task,
        ulong address,
        ulong room,
        MessageCredentials credentials,
        ref ReceiveRequest request,
        ref ulong used)
    {
        Span<byte> message = stackalloc byte[HeaderBytes + CredentialsBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(message, HeaderBytes + CredentialsBytes);
        BinaryPrimitives.WriteInt32LittleEndian(message[8..], Sockets.SOL_SOCKET);
        BinaryPrimitives.WriteInt32LittleEndian(message[12..], Sockets.SCM_CREDENTIALS);
        credentials.Write(task, message[HeaderBytes..]);
        if (room < HeaderBytes)
        {
            request.MessageFlags |= Sockets.MSG_CTRUNC;
            return Errno.None;
        }

        if (room < (ulong)message.Length)
        {
            request.MessageFlags |= Sockets.MSG_CTRUNC;
            message = message[..(int)room];
            BinaryPrimitives.WriteUInt64LittleEndian(message, (ulong)message.Length);
        }

        Errno error = task.Mm.CopyOut(new GuestAddress(address), message);
        used = Math.Min(room, (ulong)Align(message.Length));
        return error;
    }

    private static Errno WriteRights(
        Task task, ulong address, ulong room, MessageRights rights, ref ReceiveRequest request, ref ulong used)
    {
        ulong left = room - used;
        ulong slots = left < HeaderBytes ? 0 : (left - HeaderBytes) / sizeof(int);
        int fits = (int)Math.Min(slots, (ulong)rights.Files.Length);
        int cloexec = (request.Flags & Sockets.MSG_CMSG_CLOEXEC) != 0 ? Fcntl.O_CLOEXEC : 0;
        byte[] message = new byte[HeaderBytes + (fits * sizeof(int))];
        int installed = 0;
        while (installed < fits)
        {
            FileDescription file = rights.Files[installed];
            file.AddReference();
            SyscallResult descriptor = Descriptors.Install(task, file, cloexec);
            if (descriptor.IsError)
            {
                break;
            }

            int at = HeaderBytes + (installed * sizeof(int));
            BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(at), (int)descriptor.Value);
            installed++;
        }

        request.MessageFlags |= installed < rights.Files.Length ? Sockets.MSG_CTRUNC : 0;
        if (installed == 0)
        {
            return Errno.None;
        }

        int length = HeaderBytes + (installed * sizeof(int));
        BinaryPrimitives.WriteUInt64LittleEndian(message, (ulong)length);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(8), Sockets.SOL_SOCKET);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(12), Sockets.SCM_RIGHTS);
        Errno error = task.Mm.CopyOut(new GuestAddress(address + used), message.AsSpan(0, length));
        used += Math.Min(left, (ulong)Align(length));
        return error;
    }

    private static int Align(int lengthBytes) => (lengthBytes + 7) & ~7;
}
