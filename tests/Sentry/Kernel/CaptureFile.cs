using System;
using System.Text;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Tests.Sentry.Kernel;

/// <summary>A file that keeps what the guest writes; reads say end of file.</summary>
internal sealed class CaptureFile : FileDescription
{
    private readonly AnonymousInode _inode;
    private readonly Lock _lock = new();
    private readonly StringBuilder _text = new();

    internal CaptureFile(GuestKernel kernel)
    {
        _inode = new AnonymousInode(kernel.PseudoFileSystems.Pipe, StatMode.S_IFIFO | 0x180, 0, 0);
        Flags = Fcntl.O_RDWR;
    }

    public override Inode Inode => _inode;

    public override string AnonymousName => "capture";

    internal string Text
    {
        get
        {
            lock (_lock)
            {
                return _text.ToString();
            }
        }
    }

    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        return Errno.None;
    }

    public override Errno Write(Task task, ref IoSequence source, out long done)
    {
        byte[] bytes = new byte[Math.Min(source.Remaining, 65536)];
        Errno errno = source.CopyIn(bytes, out int copied);
        done = copied;
        lock (_lock)
        {
            _text.Append(Encoding.Latin1.GetString(bytes, 0, copied));
        }

        return errno;
    }
}
