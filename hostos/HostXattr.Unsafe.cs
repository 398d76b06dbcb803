using System;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary>
/// <c>&lt;sys/xattr.h&gt;</c> on open descriptors; for O_PATH descriptors give the path <c>/proc/self/fd/N</c> to the
/// path forms.
/// </summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostXattr
{
    /// <summary>getxattr(2) or lgetxattr(2).</summary>
    public static Errno Get(string path, Links links, string name, Span<byte> value, out int length)
    {
        using var file = new ByteString(path);
        using var text = new ByteString(name);
        int number = links == Links.Follow ? N.getxattr : N.lgetxattr;
        // SAFETY: the kernel writes at most Length bytes of the pinned span.
        fixed (byte* p = value)
        {
            long r = HostSyscall.Invoke(number, file.Address, text.Address, (nint)p, value.Length);
            return HostSyscall.Split(r, out length);
        }
    }

    /// <summary>setxattr(2) or lsetxattr(2).</summary>
    public static Errno Set(string path, Links links, string name, ReadOnlySpan<byte> value, int flags)
    {
        using var file = new ByteString(path);
        using var text = new ByteString(name);
        int number = links == Links.Follow ? N.setxattr : N.lsetxattr;
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
        int number = links == Links.Follow ? N.listxattr : N.llistxattr;
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
        int number = links == Links.Follow ? N.removexattr : N.lremovexattr;
        return HostSyscall.ToErrno(HostSyscall.Invoke(number, file.Address, text.Address));
    }
}

/// <summary>Whether the last component of a path is followed when it is a symbolic link.</summary>
public enum Links
{
    Follow,
    NoFollow,
}
