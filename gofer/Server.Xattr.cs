using System;
using Abi.Linux;
using HostOs;
using Lisafs;

namespace Gofer;

/// <summary>
/// Extended attributes. O_PATH descriptors refuse the f*xattr calls, so these go through the descriptor's magic
/// link.
/// </summary>
public sealed partial class Server
{
    [ThreadStatic]
    private static byte[]? s_scratch;

    private static byte[] Scratch => s_scratch ??= new byte[Protocol.MaxMessageBytes];

    private string PathOf(int fd) => _descriptorPrefix + DecimalNames.Get(fd);

    private Errno GetXattr(ref MessageReader body, ref MessageWriter answer)
    {
        if (!XattrRequest.TryRead(ref body, out XattrRequest request))
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
            Span<byte> value = Scratch.AsSpan(0, Protocol.MaxXattrBytes);
            error = HostXattr.Get(PathOf(file.Fd), Links.Follow, request.Name, value, out int length);
            if (error == Errno.None)
            {
                answer.WriteBytes(value[..length]);
            }

            return error == Errno.ERANGE ? Errno.E2BIG : error;
        }
    }

    private Errno SetXattr(ref MessageReader body)
    {
        if (!XattrRequest.TryRead(ref body, out XattrRequest request))
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
            return file.IsReadOnly
                ? Errno.EROFS
                : HostXattr.Set(PathOf(file.Fd), Links.Follow, request.Name, request.Value, request.Flags);
        }
    }

    private Errno ListXattr(ref MessageReader body, ref MessageWriter answer)
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
            Span<byte> names = Scratch.AsSpan(0, Protocol.MaxXattrBytes);
            error = HostXattr.List(PathOf(file.Fd), Links.Follow, names, out int length);
            if (error == Errno.None)
            {
                answer.WriteBytes(names[..length]);
            }

            return error == Errno.ERANGE ? Errno.E2BIG : error;
        }
    }

    private Errno RemoveXattr(ref MessageReader body)
    {
        if (!XattrRequest.TryRead(ref body, out XattrRequest request))
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
            return file.IsReadOnly
                ? Errno.EROFS
                : HostXattr.Remove(PathOf(file.Fd), Links.Follow, request.Name);
        }
    }
}
