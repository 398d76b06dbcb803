using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;
using Abi.Linux;
using Platform;
using Sentry.Fs.Proc;
using Sentry.Fs.Tmpfs;
using Sentry.Kernel;
using Sentry.Loader;
using Sentry.Mm;
using Sentry.Socket;
using Sentry.Socket.NetlinkSockets;
using Sentry.Syscalls;
using Sentry.Tty;
using Sentry.Vfs;
using Tests.Sentry.Vfs;
using Xunit;

namespace Tests.Sentry.Fuzz;

/// <summary>
/// Everything that takes guest bytes apart gets valid input with random changes: parsing ends, and no exception leaves
/// it. Bounded; a failure names its seed and round. (ELF files and gofer messages have theirs beside their other
/// tests.)
/// </summary>
public sealed class ParserFuzzTests
{
    private const int Rounds = 3000;

    public static TheoryData<int> Seeds => [1, 2, Environment.TickCount];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Script_lines(int seed) => Run(seed, ["#!/bin/sh -e x\n", "#! \t/a/b\t\n", "#!", "#!/x", "#!\0\n"],
        static (bytes, _) =>
        {
            if (ScriptLine.IsScript(bytes) && ScriptLine.Parse(bytes, out ScriptLine line) == Errno.None)
            {
                Assert.NotEmpty(line.Interpreter);
                Assert.DoesNotContain('\0', line.Interpreter);
                Assert.InRange(line.Interpreter.Length, 1, ScriptLine.MaxBytes);
            }
        });

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Numbers_written_to_proc(int seed) => Run(seed,
        ["0x7fffffffffffffff", "-017", " +12 \n", "0", "-0x", "08"],
        static (bytes, _) =>
        {
            if (ProcNumbers.TryParse(Encoding.Latin1.GetString(bytes), out long value))
            {
                Assert.NotEqual(long.MinValue, value);
            }
        });

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Options_of_tmpfs(int seed)
    {
        using VfsFixture fixture = new();
        Run(seed, ["size=50%,nr_inodes=1k,mode=0755,uid=0,gid=5", "size=,mode=9", "nr_blocks=8g,huge=never", "=,==",
            "size=99e"],
            (bytes, _) =>
            {
                TmpfsOptions options = TmpfsOptions.Default(fixture.Task);
                TmpfsOptions.Parse(fixture.Task, Encoding.Latin1.GetString(bytes), ref options);
            });
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Text_written_to_files_of_proc(int seed)
    {
        using VfsFixture fixture = new(static kernel => kernel.Vfs.RegisterFileSystem(new ProcFileSystem()));
        Assert.True(fixture.Vfs.TryGetFileSystem("proc", out FileSystemType? proc));
        Assert.Equal(Errno.None, proc!.Mount(fixture.Task, "proc", 0, "", out SuperBlock? made));
        Assert.Equal(Errno.None, fixture.MkDir("/proc"));
        MountNamespace mounts = MountNamespace.Create(fixture.Vfs, made!, 0, fixture.Kernel.RootUserNamespace);
        fixture.Task.SetFileSystem(new FsContext(fixture.Vfs, mounts.RootTop, mounts.RootTop, 0x12), mounts);
        string[] names = ["uid_map", "gid_map", "setgroups", "oom_score_adj", "oom_adj", "comm", "coredump_filter"];
        string[] seeds = ["0 0 1\n", "0 1000 1\n1 2 3", "4294967295 4294967295 4294967295", "allow", "-1000", "0x33",
            "17"];
        Run(seed, seeds, (bytes, random) =>
        {
            string path = "/" + fixture.Task.ThreadGroup.Id + "/" + names[random.Next(names.Length)];
            FileDescription file = fixture.MustOpen(path, Fcntl.O_RDWR);
            IoSequence source = IoSequence.FromBuffer(bytes);
            file.Write(fixture.Task, ref source, out _);
            fixture.Close(file);
        });
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Control_messages(int seed)
    {
        using VfsFixture fixture = new();
        byte[] control = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(control, 28);
        BinaryPrimitives.WriteInt32LittleEndian(control.AsSpan(8), Sockets.SOL_SOCKET);
        BinaryPrimitives.WriteInt32LittleEndian(control.AsSpan(12), Sockets.SCM_CREDENTIALS);
        BinaryPrimitives.WriteUInt64LittleEndian(control.AsSpan(32), 20);
        BinaryPrimitives.WriteInt32LittleEndian(control.AsSpan(40), Sockets.SOL_SOCKET);
        BinaryPrimitives.WriteInt32LittleEndian(control.AsSpan(44), Sockets.SCM_RIGHTS);
        Run(seed, [Encoding.Latin1.GetString(control)], (bytes, _) =>
        {
            List<FileDescription> files = [];
            SendRequest request = default;
            ControlMessages.Parse(fixture.Task, bytes, files, ref request);
            Assert.InRange(files.Count, 0, MessageRights.MaxFiles);
            new MessageRights(files.ToArray()).Dispose();
        });
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Netlink_requests(int seed)
    {
        using VfsFixture fixture = new();
        NetlinkSocket socket = new(fixture.Kernel, fixture.Root, new NetlinkPorts(), Sockets.SOCK_RAW, 0);
        byte[] message = new byte[80];
        foreach (int at in (int[])[0, 40])
        {
            BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(at), 40);
            BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(at + 4), (ushort)(at == 0 ? 18 : 22));
            BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(at + 6), 0x301);
        }

        byte[] room = new byte[4096];
        Run(seed, [Encoding.Latin1.GetString(message)], (bytes, random) =>
        {
            IoSequence data = IoSequence.FromBuffer(bytes);
            SendRequest send = default;
            socket.Send(fixture.Task, ref data, ref send, out _);
            IoSequence answer = IoSequence.FromBuffer(room.AsSpan(0, random.Next(room.Length)));
            ReceiveRequest receive = default;
            socket.Receive(fixture.Task, ref answer, ref receive, out _);
        });
        socket.DropReference(fixture.Task);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Frames_of_signals(int seed)
    {
        byte[] image = new byte[832 + XState.FP_XSTATE_MAGIC2_SIZE];
        SignalFrame.Mark(image, 7);
        Run(seed, [Encoding.Latin1.GetString(image)], (bytes, _) =>
        {
            byte[] frame = new byte[Math.Max(bytes.Length, image.Length)];
            bytes.CopyTo(frame);
            SigContext forged = MemoryMarshal.Read<SigContext>(frame);
            GuestRegisters registers = new() { Eflags = 0x202 };
            SignalFrame.Restore(forged, ref registers);
            Assert.Equal(SignalFrame.UserCodeSelector, registers.Cs);
            Assert.Equal(SignalFrame.UserDataSelector, registers.Ss);
            Assert.Equal(0x202UL, registers.Eflags & ~0x00050DD5UL);
            bool isWhole = SignalFrame.IsMarked(frame.AsSpan(0, SignalFrame.LegacyFpBytes), frame.Length);
            if (isWhole && SignalFrame.EndsMarked(frame))
            {
                SignalFrame.LimitFeatures(frame, 7);
            }
        });
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Settings_and_keys_of_terminals(int seed)
    {
        Glass glass = new();
        LineDiscipline tty = new(glass, TtySettings.ForSlave());
        byte[] room = new byte[5000];
        Run(seed, ["line\n\u0003\u0004\u007f\u0015\u0016x\t\u0012\u0013\u0011\u0017"], (bytes, random) =>
        {
            if (random.Next(4) == 0)
            {
                Termios2 settings = TtySettings.ForSlave();
                Span<byte> raw = MemoryMarshal.AsBytes(new Span<Termios2>(ref settings));
                raw[random.Next(raw.Length)] = (byte)random.Next(256);
                raw[random.Next(raw.Length)] = (byte)random.Next(256);
                tty.Configure(settings);
            }

            tty.Receive(bytes);
            tty.Write(bytes);
            IoSequence into = IoSequence.FromBuffer(room.AsSpan(0, 1 + random.Next(room.Length - 1)));
            tty.Read(ref into, out long done, out _);
            Assert.InRange(done, 0, room.Length);
            Assert.InRange(tty.CountReadable(), 0, LineDiscipline.BufferBytes);
        });
    }

    private delegate void Parser(byte[] bytes, Random random);

    private static void Run(int seed, string[] starts, Parser parse)
    {
        Random random = new(seed);
        for (int round = 0; round < Rounds; round++)
        {
            byte[] bytes = Mutate(random, Encoding.Latin1.GetBytes(starts[random.Next(starts.Length)]));
            Exception? thrown = Record.Exception(() => parse(bytes, random));
            Assert.True(thrown is null, "seed " + seed + ", round " + round + ": " + thrown);
        }
    }

    private static byte[] Mutate(Random random, byte[] bytes)
    {
        for (int change = random.Next(6); change > 0 && bytes.Length > 0; change--)
        {
            int at = random.Next(bytes.Length);
            switch (random.Next(6))
            {
                case 0:
                    bytes = bytes[..at];
                    break;
                case 1:
                    bytes = [.. bytes[..at], .. bytes];
                    break;
                case 2:
                    bytes[at] = (byte)(random.Next(3) - 1);
                    break;
                case 3:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                default:
                    bytes[at] = (byte)random.Next(256);
                    break;
            }
        }

        return bytes;
    }

    /// <summary>A terminal that takes everything.</summary>
    private sealed class Glass : ITtyDriver
    {
        public bool IsOutputStopped { get; private set; }

        public bool IsStoppedByCall => false;

        public void WriteOutput(ReadOnlySpan<byte> bytes)
        {
        }

        public void StopOutput() => IsOutputStopped = true;

        public void StartOutput() => IsOutputStopped = false;

        public void FlushOutput()
        {
        }

        public void OnInputFlushed()
        {
        }

        public void SignalForeground(int signal)
        {
        }

        public void OnInputReady()
        {
        }
    }
}
