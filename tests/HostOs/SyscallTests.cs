using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Abi.Linux;
using HostOs;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.HostOs;

/// <summary>The raw call and the wrappers whose argument packing could be wrong.</summary>
public sealed class SyscallTests
{
    [Fact]
    public void The_routine_is_what_its_comments_say()
    {
        var a = new Assembler(64);
        a.mov(rax, rdi);
        a.mov(rdi, rsi);
        a.mov(rsi, rdx);
        a.mov(rdx, rcx);
        a.mov(r10, r8);
        a.mov(r8, r9);
        a.mov(r9, __[rsp + 8]);
        a.syscall();
        a.ret();
        using var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), 0);
        Assert.Equal(Disassemble(stream.ToArray()), Disassemble(HostSyscall.RoutineBytes.ToArray()));
    }

    [Fact]
    public void Errors_come_back_as_errnos()
    {
        Assert.Equal(Errno.EBADF, HostUnistd.Close(-1));
        Assert.Equal(Errno.ENOENT, HostFcntl.OpenAt(HostFcntl.AtFdCwd, "/no/such", 0, 0, out int fd));
        Assert.Equal(-1, fd);
    }

    [Fact]
    public void All_six_arguments_arrive()
    {
        Assert.Equal(Errno.None, HostMman.MemfdCreate("six", HostMman.MfdCloexec, out int fd));
        using var owner = new HostFd(fd);
        Assert.Equal(Errno.None, HostUnistd.Ftruncate(fd, 8192));
        Assert.Equal(Errno.None, HostUnistd.Pwrite(fd, "mark"u8, 4096, out int done));
        Assert.Equal(4, done);
        Errno error = HostMman.Map(0, 4096, HostMman.ProtRead, HostMman.MapShared, fd, 4096, out nint address);
        Assert.Equal(Errno.None, error);
        byte[] seen = new byte[4];
        Assert.Equal((nuint)0, SafeCopy.CopyIn(seen, address));
        Assert.Equal("mark"u8.ToArray(), seen);
        Assert.Equal(Errno.None, HostMman.Unmap(address, 4096));
    }

    [Fact]
    public void Descriptors_travel_over_a_socket()
    {
        Assert.Equal(Errno.None, HostSocket.SocketPair(
            HostSocket.AfUnix, HostSocket.SeqPacket | HostSocket.Cloexec, 0, out int a, out int b));
        using var ownA = new HostFd(a);
        using var ownB = new HostFd(b);
        Assert.Equal(Errno.None, HostUnistd.Pipe2(HostFcntl.CloseOnExec, out int readEnd, out int writeEnd));
        using var ownRead = new HostFd(readEnd);
        Assert.Equal(Errno.None, HostSocket.Send(a, "x"u8, [writeEnd, writeEnd, writeEnd], 0, out int sent));
        Assert.Equal(1, sent);
        HostUnistd.Close(writeEnd);
        byte[] data = new byte[8];
        int[] fds = new int[2];
        Errno error = HostSocket.Receive(b, data, fds, 0, out int done, out int count);
        Assert.Equal(Errno.EMSGSIZE, error);
        Assert.Equal(1, done);
        Assert.Equal(2, count);
        Assert.Equal(Errno.None, HostUnistd.WriteAll(fds[0], "through"u8));
        HostUnistd.Close(fds[0]);
        HostUnistd.Close(fds[1]);
        byte[] text = new byte[16];
        Assert.Equal(Errno.None, HostUnistd.ReadAll(readEnd, text, out int got));
        Assert.Equal("through"u8.ToArray(), text.Take(got));
    }

    [Fact]
    public void Paths_are_byte_strings()
    {
        string name = Path.Combine(Path.GetTempPath(), "hostos-" + Environment.ProcessId + "-");
        string odd = name + new string('\u00ff', 3);
        int flags = HostFcntl.Create | HostFcntl.WriteOnly | HostFcntl.CloseOnExec;
        Assert.Equal(Errno.None, HostFcntl.OpenAt(HostFcntl.AtFdCwd, odd, flags, 0x180, out int fd));
        HostUnistd.Close(fd);
        Assert.Equal(Errno.None, HostUnistd.SymlinkAt(odd, HostFcntl.AtFdCwd, name + "link"));
        Assert.Equal(Errno.None, HostUnistd.ReadLinkAt(HostFcntl.AtFdCwd, name + "link", out string target));
        Assert.Equal(odd, target);
        Assert.Equal(Errno.None, HostUnistd.UnlinkAt(HostFcntl.AtFdCwd, odd, 0));
        Assert.Equal(Errno.None, HostUnistd.UnlinkAt(HostFcntl.AtFdCwd, name + "link", 0));
        Assert.Throws<ArgumentException>(() => HostUnistd.UnlinkAt(HostFcntl.AtFdCwd, "a\0b", 0));
    }

    [Fact]
    public void A_poll_waits_for_its_time_out()
    {
        Assert.Equal(Errno.None, HostPoll.EventFd(0, 0, out int fd));
        using var owner = new HostFd(fd);
        HostPollFd[] fds = [new HostPollFd { Fd = fd, Events = HostPoll.In }];
        long before = HostTime.Now(HostTime.ClockMonotonic);
        Assert.Equal(Errno.None, HostPoll.Poll(fds, 20_000_000, out int ready));
        Assert.Equal(0, ready);
        Assert.True(HostTime.Now(HostTime.ClockMonotonic) - before >= 20_000_000);
        Assert.Equal(Errno.None, HostUnistd.Write(fd, BitConverter.GetBytes(1UL), out _));
        Assert.Equal(Errno.None, HostPoll.Poll(fds, -1, out ready));
        Assert.Equal(1, ready);
    }

    private static List<string> Disassemble(byte[] code)
    {
        var lines = new List<string>();
        var decoder = Decoder.Create(64, code);
        while (decoder.IP < (ulong)code.Length)
        {
            lines.Add(decoder.Decode().ToString());
        }
        return lines;
    }
}
