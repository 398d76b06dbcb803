using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Commands of io_submit(2).</summary>
[CHeader("linux/aio_abi.h")]
public static class AioAbi
{
    public const int IOCB_FLAG_RESFD = 1;
    public const int IOCB_FLAG_IOPRIO = 2;
    public const int IOCB_CMD_PREAD = 0;
    public const int IOCB_CMD_PWRITE = 1;
    public const int IOCB_CMD_FSYNC = 2;
    public const int IOCB_CMD_FDSYNC = 3;
    public const int IOCB_CMD_POLL = 5;
    public const int IOCB_CMD_NOOP = 6;
    public const int IOCB_CMD_PREADV = 7;
    public const int IOCB_CMD_PWRITEV = 8;
}

/// <summary>io_getevents(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct io_event", "linux/aio_abi.h")]
public struct IoEvent
{
    public ulong data;
    public ulong obj;
    public long res;
    public long res2;
}

/// <summary>io_submit(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct iocb", "linux/aio_abi.h")]
public struct Iocb
{
    public ulong aio_data;
    public uint aio_key;
    public int aio_rw_flags;
    public ushort aio_lio_opcode;
    public short aio_reqprio;
    public uint aio_fildes;
    public ulong aio_buf;
    public ulong aio_nbytes;
    public long aio_offset;
    public ulong aio_reserved2;
    public uint aio_flags;
    public uint aio_resfd;
}
