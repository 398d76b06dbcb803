using System;
using Abi.Linux;
using N = HostOs.SyscallNumber;

namespace HostOs;

/// <summary><c>&lt;sys/xattr.h&gt;</c> on open descriptors; for O_PATH descriptors give the path <c>/proc/self/fd/N</c> to the path forms.</summary>
public static unsafe class HostXattr
{
    private const int SetXattr = 188;
    private const int LsetXattr = 189;
    private const int LgetXattr = 192;
    private const int ListXattr = 194;
    private const int LlistXattr = 195;
    private const int RemoveXattr = 197;
    private const int LremoveXattr = 198;

    /// <summary>fgetxattr(2); with an empty span the size of the value.</summary>
    public static Errno Fget(int fd, string name, Span<byte> value, out int length)
    {
        using var text = new ByteString(name);
        // SAFETY: the kernel writes at most Length bytes of the pinned span.
        fixed (byte* p = value)
        {
            return HostSyscall.Split(HostSyscall.Invoke(N.Fgetxattr, fd, text.Address, (nint)p, value.Length), out length);
        }
    }

    /// <summary>fsetxattr(2).</summary>
    public static Errno Fset(int fd, string name, ReadOnlySpan<byte> value, int flags)
    {
        using var text = new ByteString(name);
        // SAFETY: the kernel reads Length bytes of the pinned span.
        fixed (byte* p = value)
        {
            long r = HostSyscall.Invoke(N.Fsetxattr, fd, text.Address, (nint)p, value.Length, flags);
            return HostSyscall.ToErrno(r);
        }
    }

    /// <summary>flistxattr(2): names separated by NUL; with an empty span the size of the list.</summary>
    public static Errno Flist(int fd, Span<byte> names, out int length)
    {
        // SAFETY: the kernel writes at most Length bytes of the pinned span.
        fixed (byte* p = names)
        {
            return HostSyscall.Split(HostSyscall.Invoke(N.Flistxattr, fd, (nint)p, names.Length), out length);
        }
    }

    /// <summary>fremovexattr(2).</summary>
    public static Errno Fremove(int fd, string name)
    {
        using var text = new ByteString(name);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.Fremovexattr, fd, text.Address));
    }

    /// <summary>getxattr(2) or lgetxattr(2).</summary>
    public static Errno Get(string path, Links links, string name, Span<byte> value, out int length)
    {
        using var file = new ByteString(path);
        using var text = new ByteString(name);
        int number = links == Links.Follow ? N.Getxattr : LgetXattr;
        // SAFETY: the kernel writes at most Length bytes of the pinned span.
        fixed (byte* p = value)
        {
            return HostSyscall.Split(HostSyscall.Invoke(number, file.Address, text.Address, (nint)p, value.Length), out length);
        }
    }

    /// <summary>setxattr(2) or lsetxattr(2).</summary>
    public static Errno Set(string path, Links links, string name, ReadOnlySpan<byte> value, int flags)
    {
        using var file = new ByteString(path);
        using var text = new ByteString(name);
        int number = links == Links.Follow ? SetXattr : LsetXattr;
        // SAFETY: the kernel reads Length bytes of the pinned span.
        fixed (byte* p = value)
        {
            long r = HostSyscall.Invoke(number, file.Address, text.Address, (nint)p, value.Length, flags);
            return HostSyscall.ToErrno(r);
        }
    }

    /// <summary>listxattr(2) or llistxattr(2).</summary>
    public static Errno List(string path, Links links, Span<byte> names, out int length)
    {
        using var file = new ByteString(path);
        int number = links == Links.Follow ? ListXattr : LlistXattr;
        // SAFETY: the kernel writes at most Length bytes of the pinned span.
        fixed (byte* p = names)
        {
            return HostSyscall.Split(HostSyscall.Invoke(number, file.Address, (nint)p, names.Length), out length);
        }
    }

    /// <summary>removexattr(2) or lremovexattr(2).</summary>
    public static Errno Remove(string path, Links links, string name)
    {
        using var file = new ByteString(path);
        using var text = new ByteString(name);
        int number = links == Links.Follow ? RemoveXattr : LremoveXattr;
        return HostSyscall.ToErrno(HostSyscall.Invoke(number, file.Address, text.Address));
    }
}

/// <summary>Whether the last component of a path is followed when it is a symbolic link.</summary>
public enum Links
{
    Follow,
    NoFollow,
}
