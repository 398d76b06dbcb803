using System;
using System.Buffers.Binary;
using System.Text;
using Abi.Linux;
using HostOs;
using Lisafs;

namespace Gofer;

/// <summary>Reading directories: a message full of entries with their attributes.</summary>
public sealed partial class Server
{
    private const int DirentNameOffset = 19;
    private const int DirentBufferBytes = 32 * 1024;

    /// <summary>
    /// A descriptor that opens nothing: the client can look at names with it (fstatat(2)), in this directory and below.
    /// </summary>
    private Errno OpenDirectory(ref MessageReader body, ref AnswerDescriptors files)
    {
        if (!TargetRequest.TryRead(ref body, out TargetRequest request))
        {
            return Errno.EPROTO;
        }

        Errno error = Pin(request.Target, out PinnedFile file);
        if (error != Errno.None)
        {
            return error;
        }

        using (file)
        {
            int fd = -1;
            error = file.FileType == StatMode.S_IFDIR ? HostFcntl.Duplicate(file.Fd, out fd) : Errno.ENOTDIR;
            if (error == Errno.None)
            {
                files.Add(fd);
            }

            return error;
        }
    }

    private Errno ReadDirectory(ref MessageReader body, ref MessageWriter answer)
    {
        if (!ReadDirectoryRequest.TryRead(ref body, out ReadDirectoryRequest request))
        {
            return Errno.EPROTO;
        }

        Errno error = PinDirectory(request.Directory, out ServerHandle? directory, out uint newHandle);
        if (error != Errno.None)
        {
            return error;
        }

        lock (directory!.StreamLock)
        {
            error = ReadStreamLocked(directory, newHandle, request, ref answer);
        }

        directory.DropReference();
        if (error != Errno.None)
        {
            _handles.Remove(newHandle);
        }

        return error;
    }

    /// <summary>
    /// Finds the directory's handle, making one (<paramref name="newHandle"/>) when it is named by its parent. The
    /// caller drops the reference.
    /// </summary>
    private Errno PinDirectory(WireTarget target, out ServerHandle? directory, out uint newHandle)
    {
        newHandle = Protocol.NoHandle;
        Errno error = _handles.Acquire(target.Handle, out directory);
        if (error == Errno.None && target.Name.Length > 0)
        {
            ServerHandle parent = directory!;
            error = OpenChild(parent, target.Name, out int fd, out WireAttributes attributes);
            if (error == Errno.None)
            {
                directory = new ServerHandle(fd, parent.AttachPoint, attributes.Mode & StatMode.S_IFMT);
                directory.AddReference();
                newHandle = _handles.Add(directory);
            }

            parent.DropReference();
        }

        if (error == Errno.None && !directory!.IsDirectory)
        {
            _handles.Remove(newHandle);
            directory.DropReference();
            error = Errno.ENOTDIR;
        }

        return error;
    }

    private Errno ReadStreamLocked(
        ServerHandle directory, uint newHandle, in ReadDirectoryRequest request, ref MessageWriter answer)
    {
        Errno error = Errno.None;
        if (directory.StreamFd < 0)
        {
            error = Reopen(directory.Fd, HostFcntl.ReadOnly | HostFcntl.Directory, out int fd);
            directory.StreamFd = fd;
        }

        if (error == Errno.None)
        {
            error = HostUnistd.Seek(directory.StreamFd, request.Cookie, HostUnistd.SeekSet, out _);
        }

        if (error != Errno.None)
        {
            return error;
        }

        int headPosition = answer.Length;
        new DirectoryAnswer(newHandle, 0, 0).Write(ref answer);
        error = FillBatch(directory, request, ref answer, out uint count, out long nextCookie);
        answer.Patch(headPosition + sizeof(uint), count);
        answer.Patch(headPosition + (2 * sizeof(uint)), nextCookie);
        if (nextCookie < 0)
        {
            HostUnistd.Close(directory.StreamFd);
            directory.StreamFd = -1;
        }

        return error;
    }

    /// <summary>Adds entries until the message is full or the directory ends (next cookie -1).</summary>
    private static Errno FillBatch(
        ServerHandle directory, in ReadDirectoryRequest request, ref MessageWriter answer, out uint count,
        out long nextCookie)
    {
        Span<byte> buffer = Scratch.AsSpan(0, DirentBufferBytes);
        count = 0;
        nextCookie = request.Cookie;
        while (true)
        {
            Errno error = HostStat.GetDents64(directory.StreamFd, buffer, out int length);
            if (error != Errno.None)
            {
                return error;
            }

            if (length == 0)
            {
                nextCookie = -1;
                return Errno.None;
            }

            if (!AddRecords(directory, request.Detail, buffer[..length], ref answer, ref count, ref nextCookie))
            {
                return count > 0 ? Errno.None : Errno.EIO;
            }
        }
    }

    /// <summary>Adds the records of one getdents64 buffer; false when the message is full.</summary>
    private static bool AddRecords(
        ServerHandle directory, DirectoryDetail detail, ReadOnlySpan<byte> records, ref MessageWriter answer,
        ref uint count, ref long nextCookie)
    {
        while (records.Length >= DirentNameOffset)
        {
            ulong inode = BinaryPrimitives.ReadUInt64LittleEndian(records);
            long cookie = BinaryPrimitives.ReadInt64LittleEndian(records[8..]);
            int recordBytes = BinaryPrimitives.ReadUInt16LittleEndian(records[16..]);
            byte type = records[18];
            ReadOnlySpan<byte> name = records[DirentNameOffset..recordBytes];
            name = name[..name.IndexOf((byte)0)];
            records = records[recordBytes..];
            if (MessageReader.IsName(name))
            {
                int before = answer.Length;
                if (!AddEntry(directory, detail, Encoding.Latin1.GetString(name), inode, type, ref answer))
                {
                    answer.Rewind(before);
                    return false;
                }

                count++;
            }

            // Some file systems number past 2^63; those cookies cannot be given to a client that checks signs, and
            // none is asked for at the end.
            nextCookie = cookie & long.MaxValue;
        }

        return true;
    }

    private static bool AddEntry(
        ServerHandle directory, DirectoryDetail detail, string name, ulong inode, byte type, ref MessageWriter answer)
    {
        WireNode node = default;
        bool hasNode = false;
        if (detail == DirectoryDetail.Attributes
            && FileAttributes.ReadChild(directory.Fd, name, out WireAttributes attributes) == Errno.None)
        {
            string target = "";
            bool isLink = (attributes.Mode & StatMode.S_IFMT) == StatMode.S_IFLNK;
            hasNode = !isLink || HostUnistd.ReadLinkAt(directory.Fd, name, out target) == Errno.None;
            node = new WireNode(Protocol.NoHandle, attributes, target);
        }

        new WireEntry(name, type, inode, hasNode, node).Write(ref answer);
        return !answer.HasOverflowed;
    }
}
