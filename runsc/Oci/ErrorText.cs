using Abi.Linux;

namespace Runsc.Oci;

/// <summary>Error numbers in words, for the one line a user sees.</summary>
internal static class ErrorText
{
    /// <summary>The words of strerror(3) for the errors users meet, the name of any other.</summary>
    internal static string Describe(Errno errno) => errno switch
    {
        Errno.EPERM => "operation not permitted",
        Errno.ENOENT => "no such file or directory",
        Errno.EIO => "input/output error",
        Errno.ENXIO => "no such device or address",
        Errno.E2BIG => "argument list too long",
        Errno.ENOEXEC => "exec format error",
        Errno.EBADF => "bad file descriptor",
        Errno.EFAULT => "bad address",
        Errno.ENOMEM => "cannot allocate memory",
        Errno.EACCES => "permission denied",
        Errno.EBUSY => "device or resource busy",
        Errno.EEXIST => "file exists",
        Errno.ENODEV => "no such device",
        Errno.ENOTDIR => "not a directory",
        Errno.EISDIR => "is a directory",
        Errno.EINVAL => "invalid argument",
        Errno.EMFILE => "too many open files",
        Errno.ETXTBSY => "text file busy",
        Errno.ENOSPC => "no space left on device",
        Errno.EROFS => "read-only file system",
        Errno.ENAMETOOLONG => "file name too long",
        Errno.ELOOP => "too many levels of symbolic links",
        Errno.ELIBBAD => "accessing a corrupted shared library",
        _ => errno.ToString(),
    };
}
