using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Containers;

/// <summary>
/// <c>ROOT/ID/</c>: the state of one container on the host. Whoever makes it, or waits for a foreground container,
/// holds flock(2) on the directory; changes of the state happen under flock on its file <c>lock</c>; directories come
/// and go under flock on ROOT, for a moment each.
/// </summary>
internal sealed class StateDirectory : IDisposable
{
    internal const string SocketName = "control.sock";
    internal const string ExitName = "exit";

    private const string StateName = "state.json";
    private const string TemporaryName = "state.json.tmp";
    private const string LockName = "lock";
    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;
    private const int LockUndo = 8;
    private const int RemoveFlag = 0x200;
    private const int OwnerOnlyDirectory = 0x1C0;
    private const int OwnerOnlyFile = 0x180;
    private const int MaxStateBytes = 16 << 20;
    private const int DirectoryFlags = HostFcntl.ReadOnly | HostFcntl.Directory | HostFcntl.CloseOnExec;

    private static readonly string[] s_files = [StateName, TemporaryName, LockName, SocketName, ExitName];

    private readonly string _root;
    private readonly HostFd _directory;

    private StateDirectory(string root, string id, HostFd directory)
    {
        _root = root;
        Id = id;
        _directory = directory;
    }

    internal string Id { get; }

    /// <summary>ROOT.</summary>
    internal string Root => _root;

    /// <summary>The open directory.</summary>
    internal int Fd => _directory.Value;

    /// <summary>Makes the directory, locked as its owner. An id in use is a user error.</summary>
    internal static StateDirectory Create(string root, string id)
    {
        Errno errno = HostPath.MakeDirectories(root);
        HostFd? all = null;
        errno = errno == Errno.None ? OpenLocked(HostFcntl.AtFdCwd, root, LockExclusive, out all) : errno;
        if (errno != Errno.None)
        {
            throw new UserErrorException("--root: " + root + ": " + ErrorText.Describe(errno));
        }

        using (all)
        {
            errno = HostStat.MkdirAt(all!.Value, id, OwnerOnlyDirectory);
            if (errno == Errno.EEXIST)
            {
                throw new UserErrorException("container with given ID already exists: " + id + " is in use");
            }

            HostFd? own = null;
            errno = errno == Errno.None ? OpenLocked(all.Value, id, LockExclusive | LockNonBlocking, out own) : errno;
            if (errno != Errno.None)
            {
                throw new UserErrorException("--root: " + root + "/" + id + ": " + ErrorText.Describe(errno));
            }

            return new StateDirectory(root, id, own!);
        }
    }

    /// <summary>Opens what is there; null when there is none.</summary>
    internal static StateDirectory? Find(string root, string id)
    {
        if (!ContainerId.IsValid(id))
        {
            return null;
        }

        string path = root + "/" + id;
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, DirectoryFlags | HostFcntl.NoFollow, 0, out int opened);
        return errno == Errno.None ? new StateDirectory(root, id, new HostFd(opened)) : null;
    }

    /// <summary>The ids below ROOT, sorted; none when ROOT is not there.</summary>
    internal static List<string> List(string root)
    {
        List<string> ids = HostDirectory.Names(root).FindAll(ContainerId.IsValid);
        ids.Sort(StringComparer.Ordinal);
        return ids;
    }

    /// <summary>True when no living process owns the directory. Does not block.</summary>
    internal bool IsUnowned()
    {
        Errno errno = OpenLocked(Fd, ".", LockExclusive | LockNonBlocking, out HostFd? own);
        own?.Dispose();
        return errno == Errno.None;
    }

    /// <summary>Gives the ownership up, with everything else as it is.</summary>
    internal void Disown() => HostFcntl.Flock(Fd, LockUndo);

    /// <summary>Takes the lock for changes; null when the directory is gone meanwhile. Blocks.</summary>
    internal HostFd? Lock()
    {
        const int Flags = HostFcntl.ReadWrite | HostFcntl.Create | HostFcntl.CloseOnExec | HostFcntl.NoFollow;
        if (HostFcntl.OpenAt(Fd, LockName, Flags, OwnerOnlyFile, out int opened) != Errno.None)
        {
            return null;
        }

        HostFd result = new(opened);
        while (HostFcntl.Flock(opened, LockExclusive) == Errno.EINTR)
        {
        }

        bool isStillThere = HostStat.Fstat(opened, out Stat stat) == Errno.None && stat.st_nlink > 0;
        if (!isStillThere)
        {
            result.Dispose();
            return null;
        }

        return result;
    }

    /// <summary>The state; null when there is none (yet) or it cannot be read.</summary>
    internal ContainerState? Load()
    {
        const int Flags = HostFcntl.ReadOnly | HostFcntl.CloseOnExec | HostFcntl.NoFollow;
        if (HostFcntl.OpenAt(Fd, StateName, Flags, 0, out int opened) != Errno.None)
        {
            return null;
        }

        using HostFd file = new(opened);
        if (HostStat.Fstat(opened, out Stat stat) != Errno.None || stat.st_size > MaxStateBytes)
        {
            return null;
        }

        byte[] text = new byte[stat.st_size];
        if (HostUnistd.ReadAll(opened, text, out int done) != Errno.None)
        {
            return null;
        }

        return ContainerState.Parse(text.AsSpan(0, done));
    }

    /// <summary>Writes the state: complete or as it was, whenever the machine stops.</summary>
    internal void Save(ContainerState state)
    {
        const int Flags = HostFcntl.WriteOnly | HostFcntl.Create | HostFcntl.Truncate | HostFcntl.CloseOnExec;
        byte[] text = state.ToJson();
        Errno errno = HostFcntl.OpenAt(Fd, TemporaryName, Flags, OwnerOnlyFile, out int opened);
        if (errno == Errno.None)
        {
            using HostFd file = new(opened);
            errno = HostUnistd.WriteAll(opened, text);
            errno = errno == Errno.None ? HostUnistd.Fsync(opened) : errno;
        }

        errno = errno == Errno.None ? HostUnistd.RenameAt2(Fd, TemporaryName, Fd, StateName, 0) : errno;
        if (errno != Errno.None)
        {
            throw new UserErrorException("--root: " + _root + "/" + Id + ": " + ErrorText.Describe(errno));
        }
    }

    /// <summary>A new file of the directory for the Sentry's last word.</summary>
    internal HostFd CreateExitFile()
    {
        const int Flags = HostFcntl.ReadWrite | HostFcntl.Create | HostFcntl.Exclusive | HostFcntl.CloseOnExec;
        Errno errno = HostFcntl.OpenAt(Fd, ExitName, Flags, OwnerOnlyFile, out int opened);
        return errno == Errno.None ? new HostFd(opened)
            : throw new UserErrorException("--root: " + _root + "/" + Id + ": " + ErrorText.Describe(errno));
    }

    /// <summary>The wait status that the Sentry left; null when it left none.</summary>
    internal int? ReadExit()
    {
        if (HostFcntl.OpenAt(Fd, ExitName, HostFcntl.ReadOnly | HostFcntl.CloseOnExec, 0, out int opened)
            != Errno.None)
        {
            return null;
        }

        using HostFd file = new(opened);
        byte[] word = new byte[sizeof(int)];
        bool isThere = HostUnistd.ReadAll(opened, word, out int done) == Errno.None && done == word.Length;
        return isThere ? BitConverter.ToInt32(word) : null;
    }

    /// <summary>Leaves a wait status for those who ask later, where the Sentry has left none: what is about to end
    /// it ends the container's first process.</summary>
    internal void LeaveExit(int waitStatus)
    {
        if (ReadExit() is not null || HostFcntl.OpenAt(Fd, ExitName, HostFcntl.WriteOnly | HostFcntl.CloseOnExec
            | HostFcntl.NoFollow, 0, out int opened) != Errno.None)
        {
            return;
        }

        using HostFd file = new(opened);
        _ = HostUnistd.Pwrite(opened, BitConverter.GetBytes(waitStatus), 0, out _);
    }

    /// <summary>True when somebody has removed the directory since it was opened.</summary>
    internal bool IsGone => HostStat.Fstat(Fd, out Stat stat) == Errno.None && stat.st_nlink == 0;

    /// <summary>Removes the directory; anything in it that is not ours keeps it.</summary>
    internal void Remove()
    {
        Errno errno = OpenLocked(HostFcntl.AtFdCwd, _root, LockExclusive, out HostFd? all);
        using (all)
        {
            foreach (string file in s_files)
            {
                _ = HostUnistd.UnlinkAt(Fd, file, 0);
            }

            if (errno == Errno.None)
            {
                _ = HostUnistd.UnlinkAt(all!.Value, Id, RemoveFlag);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _directory.Dispose();

    private static Errno OpenLocked(int directory, string path, int operation, out HostFd? locked)
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
}
