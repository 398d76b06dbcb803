using System;
using System.Text;
using System.Text.Json;
using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Sandbox;

/// <summary>
/// The state of one container on the host: <c>ROOT/ID/</c>, locked (flock(2) on the directory) while its owner lives.
/// A directory whose lock is free belonged to a launcher that died; the next one removes it. Changes happen under a
/// lock on ROOT.
/// </summary>
internal sealed class StateDirectory : IDisposable
{
    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;
    private const int RemoveDirectory = 0x200;
    private const int OwnerOnlyDirectory = 0x1C0;
    private const int OwnerOnlyFile = 0x180;
    private const int DirectoryFlags = HostFcntl.ReadOnly | HostFcntl.Directory | HostFcntl.CloseOnExec;

    private static readonly string[] s_files = ["state.json", "state.json.tmp"];

    private readonly string _root;
    private readonly string _id;
    private readonly HostFd _lock;

    private StateDirectory(string root, string id, HostFd own)
    {
        _root = root;
        _id = id;
        _lock = own;
    }

    /// <summary>Makes and locks the directory. An id in use is a user error.</summary>
    internal static StateDirectory Create(string root, string id, string bundle)
    {
        Errno errno = HostPath.MakeDirectories(root);
        HostFd? all = null;
        errno = errno == Errno.None ? Lock(HostFcntl.AtFdCwd, root, LockExclusive, out all) : errno;
        if (errno != Errno.None)
        {
            throw new UserErrorException("--root: " + root + ": " + ErrorText.Describe(errno));
        }

        using (all)
        {
            Sweep(all!.Value);
            errno = HostStat.MkdirAt(all.Value, id, OwnerOnlyDirectory);
            if (errno == Errno.EEXIST && IsAbandoned(all.Value, id))
            {
                Remove(all.Value, id);
                errno = HostStat.MkdirAt(all.Value, id, OwnerOnlyDirectory);
            }

            if (errno == Errno.EEXIST)
            {
                throw new UserErrorException("run: container id " + id + " is in use");
            }

            HostFd? own = null;
            errno = errno == Errno.None ? Lock(all.Value, id, LockExclusive | LockNonBlocking, out own) : errno;
            errno = errno == Errno.None ? WriteState(own!.Value, id, HostPath.Resolve("run: --bundle", bundle,
                PathKind.Directory)) : errno;
            if (errno != Errno.None)
            {
                own?.Dispose();
                Remove(all.Value, id);
                throw new UserErrorException("--root: " + root + "/" + id + ": " + ErrorText.Describe(errno));
            }

            return new StateDirectory(root, id, own!);
        }
    }

    /// <summary>Removes the directory.</summary>
    public void Dispose()
    {
        if (Lock(HostFcntl.AtFdCwd, _root, LockExclusive, out HostFd? all) == Errno.None)
        {
            Remove(all!.Value, _id);
            all.Dispose();
        }

        _lock.Dispose();
    }

    private static Errno Lock(int directory, string path, int operation, out HostFd? locked)
    {
        locked = null;
        int noFollow = directory == HostFcntl.AtFdCwd ? 0 : HostFcntl.NoFollow;
        Errno errno = HostFcntl.OpenAt(directory, path, DirectoryFlags | noFollow, 0, out int opened);
        if (errno != Errno.None)
        {
            return errno;
        }

        HostFd fd = new(opened);
        do
        {
            errno = HostFcntl.Flock(opened, operation);
        }
        while (errno == Errno.EINTR);

        if (errno != Errno.None)
        {
            fd.Dispose();
            return errno;
        }

        locked = fd;
        return Errno.None;
    }

    /// <summary>Removes what dead launchers left.</summary>
    private static void Sweep(int root)
    {
        const int ChunkBytes = 32768;
        byte[] entries = new byte[ChunkBytes];
        while (HostStat.GetDents64(root, entries, out int done) == Errno.None && done > 0)
        {
            for (int at = 0; at < done; at += BitConverter.ToUInt16(entries, at + 16))
            {
                // struct linux_dirent64: inode (8), offset (8), record length (2), type (1), name.
                int end = Array.IndexOf(entries, (byte)0, at + 19);
                string name = Encoding.Latin1.GetString(entries, at + 19, end - at - 19);
                bool isOurs = ContainerId.IsValid(name) && HostUnistd.FaccessAt2(root, name + "/" + s_files[0], 0, 0)
                    == Errno.None;
                if (isOurs && IsAbandoned(root, name))
                {
                    Remove(root, name);
                }
            }
        }
    }

    /// <summary>True when nobody holds the lock; the lock on ROOT keeps it so.</summary>
    private static bool IsAbandoned(int root, string id)
    {
        Errno errno = Lock(root, id, LockExclusive | LockNonBlocking, out HostFd? own);
        own?.Dispose();
        return errno == Errno.None;
    }

    /// <summary>Removes a directory of ours; anything else in it keeps it.</summary>
    private static void Remove(int root, string id)
    {
        foreach (string file in s_files)
        {
            _ = HostUnistd.UnlinkAt(root, id + "/" + file, 0);
        }

        _ = HostUnistd.UnlinkAt(root, id, RemoveDirectory);
    }

    /// <summary>Complete or absent, whenever the machine stops: temporary file, fsync, rename.</summary>
    private static Errno WriteState(int directory, string id, string bundle)
    {
        const int Flags = HostFcntl.WriteOnly | HostFcntl.Create | HostFcntl.CloseOnExec;
        string state = "{\"id\":" + Quote(id) + ",\"bundle\":" + Quote(bundle) + ",\"pid\":" + Environment.ProcessId
            + "}\n";
        Errno errno = HostFcntl.OpenAt(directory, s_files[1], Flags, OwnerOnlyFile, out int opened);
        if (errno != Errno.None)
        {
            return errno;
        }

        using HostFd fd = new(opened);
        errno = HostUnistd.WriteAll(opened, Encoding.Latin1.GetBytes(state));
        errno = errno == Errno.None ? HostUnistd.Fsync(opened) : errno;
        return errno == Errno.None ? HostUnistd.RenameAt2(directory, s_files[1], directory, s_files[0], 0) : errno;
    }

    /// <summary>A byte string as JSON: bytes that are no ASCII as the code point of the same number.</summary>
    private static string Quote(string text) => "\"" + JsonEncodedText.Encode(text) + "\"";
}
