using System;
using Abi.Linux;
using BenchmarkDotNet.Attributes;
using Sentry.Syscalls;
using Sentry.Vfs;
using Tests.Sentry.Vfs;

namespace Tests.Bench;

/// <summary>From a number and arguments to a result: the table and handlers that do nearly nothing.</summary>
// SAFETY: function pointers come from the immutable table of system calls only.
public unsafe class Dispatch
{
    private const ulong Getpid = 39;
    private const ulong Lseek = 8;
    private const int Current = 1;

    private VfsFixture _files = null!;
    private int _fd;

    [GlobalSetup]
    public void Prepare()
    {
        _files = new VfsFixture();
        _files.WriteFile("/file", "text");
        FileDescription file = _files.MustOpen("/file", Fcntl.O_RDONLY);
        Must.Succeed(_files.Task.FdTable.Install(_files.Task, file, CloseOnExec.No, out _fd));
        Must.Hold(GetpidCall() > 0);
    }

    [GlobalCleanup]
    public void End() => _files.Dispose();

    [Benchmark]
    public long GetpidCall() => Call(Getpid, default);

    [Benchmark]
    public long LseekCall() => Call(Lseek, new SyscallArguments((ulong)_fd, 0, Current, 0, 0, 0));

    private long Call(ulong number, in SyscallArguments args)
    {
        // SAFETY: every entry of the table has a handler of this signature.
        SyscallResult result = SyscallTable.Lookup(number).Handler(_files.Task, args);
        return result.IsError ? throw new InvalidOperationException(result.Errno.ToString()) : result.Value;
    }
}
