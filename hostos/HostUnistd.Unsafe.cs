using System;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary><c>&lt;unistd.h&gt;</c>: descriptors, files by name, ids.</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostUnistd
{
    public const int SeekSet = 0;
    public const int SeekCur = 1;
    public const int SeekEnd = 2;
    public const int SeekData = 3;
    public const int SeekHole = 4;
    public const int CloseRangeCloexec = 4;

    /// <summary>close(2). The descriptor is gone whatever is returned.</summary>
    public static Errno Close(int fd) => HostSyscall.ToErrno(HostSyscall.Invoke(N.close, fd));

    /// <summary>close_range(2).</summary>
    public static Errno CloseRange(uint first, uint last, int flags) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.close_range, (nint)first, (nint)last, flags));

    /// <summary>read(2).</summary>
    public static Errno Read(int fd, Span<byte> buffer, out int done)
    {
        // SAFETY: the kernel writes at most Length bytes of the pinned span.
        fixed (byte* p = buffer)
        {
            return HostSyscall.Split(HostSyscall.Invoke(N.read, fd, (nint)p, buffer.Length), out done);
        }
    }

    /// <summary>write(2).</summary>
    public static Errno Write(int fd, ReadOnlySpan<byte> buffer, out int done)
    {
        // SAFETY: the kernel reads at most Length bytes of the pinned span.
        fixed (byte* p = buffer)
        {
            return HostSyscall.Split(HostSyscall.Invoke(N.write, fd, (nint)p, buffer.Length), out done);
        }
    }

    /// <summary>
    /// Reads until the span is full or the end of the file; repeats on EINTR. <paramref name="done"/> tells how much
    /// came, also on error.
    /// </summary>
    public static Errno ReadAll(int fd, Span<byte> buffer, out int done)
    {
        done = 0;
        while (done < buffer.Length)
        {
            Errno error = Read(fd, buffer[done..], out int n);
            if (error == Errno.EINTR)
            {
                continue;
            }
            if (error != Errno.None || n == 0)
            {
                return error;
            }
            done += n;
        }
        return Errno.None;
    }

    /// <summary>Writes the whole span; repeats on EINTR and short writes.</summary>
    public static Errno WriteAll(int fd, ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            Errno error = Write(fd, buffer, out int n);
            if (error != Errno.None && error != Errno.EINTR)
            {
                return error;
            }
            buffer = buffer[Math.Max(n, 0)..];
        }
        return Errno.None;
    }

    /// <summary>
    /// read(2) into memory the caller vouches for (it may fault: the kernel then answers EFAULT or a short count).
    /// </summary>
    public static Errno Read(int fd, nint address, nuint length, out long done) =>
        HostSyscall.Split(HostSyscall.Invoke(N.read, fd, address, (nint)length), out done);

    /// <summary>write(2) from memory the caller vouches for.</summary>
    public static Errno Write(int fd, nint address, nuint length, out long done) =>
        HostSyscall.Split(HostSyscall.Invoke(N.write, fd, address, (nint)length), out done);

    /// <summary>pread(2) into memory the caller vouches for.</summary>
    public static Errno Pread(int fd, nint address, nuint length, long offset, out long done) =>
        HostSyscall.Split(HostSyscall.Invoke(N.pread64, fd, address, (nint)length, (nint)offset), out done);

    /// <summary>pwrite(2) from memory the caller vouches for.</summary>
    public static Errno Pwrite(int fd, nint address, nuint length, long offset, out long done) =>
        HostSyscall.Split(HostSyscall.Invoke(N.pwrite64, fd, address, (nint)length, (nint)offset), out done);

    /// <summary>pread(2).</summary>
    public static Errno Pread(int fd, Span<byte> buffer, long offset, out int done)
    {
        // SAFETY: the kernel writes at most Length bytes of the pinned span.
        fixed (byte* p = buffer)
        {
            return HostSyscall.Split(HostSyscall.Invoke(N.pread64, fd, (nint)p, buffer.Length, (nint)offset), out done);
        }
    }

    /// <summary>pwrite(2).</summary>
    public static Errno Pwrite(int fd, ReadOnlySpan<byte> buffer, long offset, out int done)
    {
        // SAFETY: the kernel reads at most Length bytes of the pinned span.
        fixed (byte* p = buffer)
        {
            long r = HostSyscall.Invoke(N.pwrite64, fd, (nint)p, buffer.Length, (nint)offset);
            return HostSyscall.Split(r, out done);
        }
    }

    /// <summary>lseek(2).</summary>
    public static Errno Seek(int fd, long offset, int whence, out long position) =>
        HostSyscall.Split(HostSyscall.Invoke(N.lseek, fd, (nint)offset, whence), out position);

    /// <summary>dup(2); prefer <see cref="HostFcntl.Duplicate"/>, which sets close-on-exec.</summary>
    public static Errno Dup(int fd, out int copy) => HostSyscall.Split(HostSyscall.Invoke(N.dup, fd), out copy);

    /// <summary>dup3(2).</summary>
    public static Errno Dup3(int fd, int target, int flags) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.dup3, fd, target, flags));

    /// <summary>pipe2(2).</summary>
    public static Errno Pipe2(int flags, out int readEnd, out int writeEnd)
    {
        // SAFETY: the kernel writes two ints.
        int* pair = stackalloc int[2];
        pair[0] = pair[1] = -1;
        Errno error = HostSyscall.ToErrno(HostSyscall.Invoke(N.pipe2, (nint)pair, flags));
        readEnd = pair[0];
        writeEnd = pair[1];
        return error;
    }

    /// <summary>ftruncate(2).</summary>
    public static Errno Ftruncate(int fd, long length) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.ftruncate, fd, (nint)length));

    /// <summary>fsync(2).</summary>
    public static Errno Fsync(int fd) => HostSyscall.ToErrno(HostSyscall.Invoke(N.fsync, fd));

    /// <summary>fdatasync(2).</summary>
    public static Errno Fdatasync(int fd) => HostSyscall.ToErrno(HostSyscall.Invoke(N.fdatasync, fd));

    /// <summary>copy_file_range(2) with explicit offsets.</summary>
    public static Errno CopyFileRange(int fdIn, long offIn, int fdOut, long offOut, nuint length, out long done)
    {
        // SAFETY: the kernel reads and writes the two offsets, which are locals.
        long from = offIn;
        long to = offOut;
        long r = HostSyscall.Invoke(N.copy_file_range, fdIn, (nint)(&from), fdOut, (nint)(&to), (nint)length);
        return HostSyscall.Split(r, out done);
    }

    /// <summary>unlinkat(2); flags may hold AT_REMOVEDIR.</summary>
    public static Errno UnlinkAt(int dirFd, string path, int flags)
    {
        using var text = new ByteString(path);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.unlinkat, dirFd, text.Address, flags));
    }

    /// <summary>linkat(2).</summary>
    public static Errno LinkAt(int oldDirFd, string oldPath, int newDirFd, string newPath, int flags)
    {
        using var from = new ByteString(oldPath);
        using var to = new ByteString(newPath);
        long r = HostSyscall.Invoke(N.linkat, oldDirFd, from.Address, newDirFd, to.Address, flags);
        return HostSyscall.ToErrno(r);
    }

    /// <summary>symlinkat(2).</summary>
    public static Errno SymlinkAt(string target, int dirFd, string path)
    {
        using var from = new ByteString(target);
        using var to = new ByteString(path);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.symlinkat, from.Address, dirFd, to.Address));
    }

    /// <summary>readlinkat(2) with a buffer that grows to PATH_MAX; the target as a byte string.</summary>
    public static Errno ReadLinkAt(int dirFd, string path, out string target)
    {
        const int PathMax = 4096;
        target = "";
        using var text = new ByteString(path);
        // SAFETY: the kernel writes at most PathMax bytes of the buffer.
        byte* buffer = stackalloc byte[PathMax];
        long r = HostSyscall.Invoke(N.readlinkat, dirFd, text.Address, (nint)buffer, PathMax);
        Errno error = HostSyscall.Split(r, out int length);
        if (error == Errno.None)
        {
            target = System.Text.Encoding.Latin1.GetString(buffer, length);
        }
        return error;
    }

    /// <summary>renameat2(2).</summary>
    public static Errno RenameAt2(int oldDirFd, string oldPath, int newDirFd, string newPath, uint flags)
    {
        using var from = new ByteString(oldPath);
        using var to = new ByteString(newPath);
        long r = HostSyscall.Invoke(N.renameat2, oldDirFd, from.Address, newDirFd, to.Address, (nint)flags);
        return HostSyscall.ToErrno(r);
    }

    /// <summary>faccessat2(2).</summary>
    public static Errno FaccessAt2(int dirFd, string path, int mode, int flags)
    {
        using var text = new ByteString(path);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.faccessat2, dirFd, text.Address, mode, flags));
    }

    /// <summary>fchownat(2); -1 leaves an id alone.</summary>
    public static Errno FchownAt(int dirFd, string path, int uid, int gid, int flags)
    {
        using var text = new ByteString(path);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.fchownat, dirFd, text.Address, uid, gid, flags));
    }

    /// <summary>chdir(2).</summary>
    public static Errno Chdir(string path)
    {
        using var text = new ByteString(path);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.chdir, text.Address));
    }

    /// <summary>fchdir(2).</summary>
    public static Errno Fchdir(int fd) => HostSyscall.ToErrno(HostSyscall.Invoke(N.fchdir, fd));

    /// <summary>pivot_root(2).</summary>
    public static Errno PivotRoot(string newRoot, string putOld)
    {
        using var to = new ByteString(newRoot);
        using var from = new ByteString(putOld);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.pivot_root, to.Address, from.Address));
    }

    /// <summary>sethostname(2).</summary>
    public static Errno SetHostName(string name)
    {
        using var text = new ByteString(name);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.sethostname, text.Address, name.Length));
    }

    /// <summary>getpid(2).</summary>
    public static int GetPid() => (int)HostSyscall.InvokeFast(N.getpid);

    /// <summary>getppid(2).</summary>
    public static int GetPpid() => (int)HostSyscall.InvokeFast(N.getppid);

    /// <summary>gettid(2).</summary>
    public static int GetTid() => (int)HostSyscall.InvokeFast(N.gettid);

    /// <summary>getpgrp(2).</summary>
    public static int GetProcessGroup() => (int)HostSyscall.InvokeFast(N.getpgrp);

    /// <summary>getuid(2).</summary>
    public static int GetUid() => (int)HostSyscall.InvokeFast(N.getuid);

    /// <summary>getgid(2).</summary>
    public static int GetGid() => (int)HostSyscall.InvokeFast(N.getgid);

    /// <summary>geteuid(2).</summary>
    public static int GetEuid() => (int)HostSyscall.InvokeFast(N.geteuid);

    /// <summary>getegid(2).</summary>
    public static int GetEgid() => (int)HostSyscall.InvokeFast(N.getegid);

    /// <summary>setsid(2).</summary>
    public static Errno SetSid(out int session) => HostSyscall.Split(HostSyscall.Invoke(N.setsid), out session);

    /// <summary>
    /// setresuid(2), for the calling thread only (the raw call): use it while the process has one thread or in <see
    /// cref="Spawn"/>.
    /// </summary>
    public static Errno SetResUid(int real, int effective, int saved) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.setresuid, real, effective, saved));

    /// <summary>setresgid(2), for the calling thread only.</summary>
    public static Errno SetResGid(int real, int effective, int saved) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.setresgid, real, effective, saved));

    /// <summary>setgroups(2), for the calling thread only.</summary>
    public static Errno SetGroups(ReadOnlySpan<int> groups)
    {
        // SAFETY: the kernel reads Length ids of the pinned span.
        fixed (int* p = groups)
        {
            return HostSyscall.ToErrno(HostSyscall.Invoke(N.setgroups, groups.Length, (nint)p));
        }
    }

    /// <summary>execveat(2); returns only on failure. Null-terminated pointer arrays are built here.</summary>
    public static Errno ExecveAt(
        int dirFd, string path, ReadOnlySpan<string> argv, ReadOnlySpan<string> envp, int flags)
    {
        using var text = new ByteString(path);
        using var arguments = new ByteStringArray(argv);
        using var environment = new ByteStringArray(envp);
        long r = HostSyscall.Invoke(
            N.execveat, dirFd, text.Address, arguments.Address, environment.Address, flags);
        return HostSyscall.ToErrno(r);
    }

    /// <summary>exit_group(2): ends the process at once, without the run time's shutdown.</summary>
    public static void ExitGroup(int status) => HostSyscall.Invoke(N.exit_group, status);
}
