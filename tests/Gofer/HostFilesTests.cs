using System;
using System.Text;
using System.Threading;
using Abi.Linux;
using HostOs;
using Sentry.Fs.Host;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;
using Xunit;
using static Tests.Gofer.ServerFixture;

namespace Tests.Gofer;

/// <summary>Imported descriptors of the host.</summary>
public sealed class HostFilesTests : IDisposable
{
    private const ulong Device = 77;

    private readonly HostNotifier _notifier;
    private readonly HostFiles _files;

    public HostFilesTests()
    {
        AssertOk(HostNotifier.Create(out HostNotifier? notifier));
        _notifier = notifier!;
        _files = new HostFiles(_notifier, Device);
    }

    public void Dispose() => _notifier.Dispose();

    [Fact]
    public void An_empty_pipe_says_again_and_wakes_its_waiters_when_data_comes()
    {
        AssertOk(HostUnistd.Pipe2(0, out int readEnd, out int writeEnd));
        AssertOk(_files.Import(readEnd, out FileDescription? file, out _));
        using SignalEntry entry = new();
        file!.WaitQueue!.Add(entry);
        Assert.Equal(Errno.EAGAIN, Read(file, out _));
        AssertOk(HostUnistd.WriteAll(writeEnd, "data"u8));
        Assert.True(entry.Happened.Wait(TimeSpan.FromSeconds(30)));
        file.WaitQueue!.Remove(entry);
        AssertOk(Read(file, out string text));
        Assert.Equal("data", text);
        HostUnistd.Close(writeEnd);
        AssertOk(Read(file, out text));
        Assert.Equal("", text);
        file.DropReference(null);
        HostUnistd.Close(readEnd);
    }

    [Fact]
    public void The_open_file_of_the_caller_keeps_its_flags()
    {
        AssertOk(HostUnistd.Pipe2(0, out int readEnd, out int writeEnd));
        AssertOk(_files.Import(writeEnd, out FileDescription? file, out _));
        AssertOk(HostFcntl.Fcntl(writeEnd, HostFcntl.GetFl, 0, out int flags));
        Assert.Equal(0, flags & HostFcntl.NonBlock);
        byte[] big = new byte[1 << 20];
        IoSequence source = IoSequence.FromBuffer(big);
        AssertOk(file!.Write(null!, ref source, out long done));
        Assert.InRange(done, 1, 65536);
        IoSequence rest = IoSequence.FromBuffer(big);
        Assert.Equal(Errno.EAGAIN, file.Write(null!, ref rest, out _));
        file.DropReference(null);
        HostUnistd.Close(readEnd);
        HostUnistd.Close(writeEnd);
    }

    [Fact]
    public void Two_descriptors_of_one_open_file_share_their_position()
    {
        string path = System.IO.Path.GetTempFileName();
        AssertOk(HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, HostFcntl.ReadWrite, 0, out int first));
        AssertOk(HostFcntl.Duplicate(first, out int second));
        AssertOk(_files.Import(first, out FileDescription? output, out _));
        AssertOk(_files.Import(second, out FileDescription? error, out _));
        AssertOk(Write(output!, "one "));
        AssertOk(Write(error!, "two "));
        AssertOk(Write(output!, "three"));
        Assert.Equal("one two three", System.IO.File.ReadAllText(path));
        Assert.Null(output!.WaitQueue);
        output.DropReference(null);
        error!.DropReference(null);
        HostUnistd.Close(first);
        HostUnistd.Close(second);
        System.IO.File.Delete(path);
    }

    [Fact]
    public void A_regular_file_opened_again_has_a_position_of_its_own()
    {
        string path = System.IO.Path.GetTempFileName();
        AssertOk(HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, HostFcntl.ReadWrite, 0, out int fd));
        AssertOk(_files.Import(fd, out FileDescription? first, out _));
        AssertOk(Write(first!, "one "));
        AssertOk(first!.Inode.Open(null!, default, Fcntl.O_RDWR, out FileDescription? again));
        AssertOk(Read(again!, out string text));
        Assert.Equal("one ", text);
        AssertOk(Write(first, "two "));
        AssertOk(Read(again!, out text));
        Assert.Equal("two ", text);
        IoSequence source = IoSequence.FromBuffer("ONE"u8.ToArray());
        AssertOk(again!.PWrite(null!, ref source, 0, out _, out long end));
        Assert.Equal(3, end);
        AssertOk(Write(first, "three"));
        Assert.Equal("ONE two three", System.IO.File.ReadAllText(path));
        AssertOk(again.GetMappable(null!, out IMappable? mappable));
        Assert.Same(first.Inode, mappable);
        first.DropReference(null);
        HostUnistd.Close(fd);
        System.IO.File.Delete(path);
    }

    [Fact]
    public void A_descriptor_gives_no_more_access_than_it_has()
    {
        string path = System.IO.Path.GetTempFileName();
        AssertOk(HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, HostFcntl.ReadOnly, 0, out int fd));
        AssertOk(_files.Import(fd, out FileDescription? file, out _));
        Assert.Equal(Errno.EACCES, file!.Inode.Open(null!, default, Fcntl.O_WRONLY, out _));
        Assert.Equal(Errno.EACCES, file.Inode.Open(null!, default, Fcntl.O_RDWR, out _));
        AssertOk(file.Inode.Open(null!, default, Fcntl.O_RDONLY, out _));
        file.DropReference(null);
        HostUnistd.Close(fd);
        System.IO.File.Delete(path);
    }

    [Fact]
    public void What_is_not_open_is_not_imported() => Assert.Equal(Errno.EBADF, _files.Import(12345, out _, out _));

    [Fact]
    public void The_null_device_is_always_ready_and_no_terminal()
    {
        AssertOk(HostFcntl.OpenAt(HostFcntl.AtFdCwd, "/dev/null", HostFcntl.ReadWrite, 0, out int fd));
        AssertOk(_files.Import(fd, out FileDescription? file, out HostTerminal? terminal));
        Assert.Null(terminal);
        Assert.Null(file!.WaitQueue);
        AssertOk(Read(file, out string text));
        Assert.Equal("", text);
        AssertOk(file.Inode.GetAttributes(out InodeAttributes attributes));
        Assert.Equal((StatMode.S_IFCHR, Device), (attributes.Mode & StatMode.S_IFMT, attributes.Device));
        file.DropReference(null);
        HostUnistd.Close(fd);
    }

    private static Errno Read(FileDescription file, out string text)
    {
        byte[] buffer = new byte[100];
        IoSequence destination = IoSequence.FromBuffer(buffer);
        Errno error = file.Read(null!, ref destination, out long done);
        text = Encoding.Latin1.GetString(buffer, 0, (int)done);
        return error;
    }

    private static Errno Write(FileDescription file, string text)
    {
        IoSequence source = IoSequence.FromBuffer(Encoding.Latin1.GetBytes(text));
        return file.Write(null!, ref source, out _);
    }

    private sealed class SignalEntry : WaitEntry, IDisposable
    {
        internal ManualResetEventSlim Happened { get; } = new();

        public override bool OnNotify(uint events)
        {
            Happened.Set();
            return true;
        }

        public void Dispose() => Happened.Dispose();
    }
}
