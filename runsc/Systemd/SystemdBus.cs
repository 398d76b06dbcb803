using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading;
using Abi.Linux;
using HostOs;
using Runsc.Containers;
using Runsc.Oci;

namespace Runsc.Systemd;

/// <summary>A connection to the host's service manager, over the socket that it has for root
/// (org.freedesktop.systemd1(5)):
/// a bus with one peer. Whatever goes wrong is a user error that names systemd.</summary>
internal sealed class SystemdBus : IDisposable
{
    /// <summary>Where it listens.</summary>
    internal const string DefaultPath = "/run/systemd/private";

    private const string Manager = "org.freedesktop.systemd1.Manager";
    private const string ObjectPath = "/org/freedesktop/systemd1";
    private const long TimeoutNs = 30_000_000_000;

    private readonly HostFd _socket;
    private readonly long _begun = Stopwatch.GetTimestamp();
    private readonly List<BusMessage> _signals = [];
    private uint _serial;

    private SystemdBus(HostFd socket) => _socket = socket;

    /// <summary>Connects and says who we are.</summary>
    internal static SystemdBus Connect(string path = DefaultPath)
    {
        Errno errno = UnixSocket.Connect(path, HostSocket.Stream, out HostFd? socket);
        if (errno != Errno.None)
        {
            throw new UserErrorException("systemd: " + path + ": " + ErrorText.Describe(errno));
        }

        SystemdBus bus = new(socket!);
        try
        {
            bus.Authenticate();
        }
        catch (UserErrorException)
        {
            bus.Dispose();
            throw;
        }

        return bus;
    }

    /// <summary>Calls a method of the manager; its answer. An error is thrown, with its name and text.</summary>
    internal BusMessage Call(string member, string signature, BusWriter body)
    {
        uint serial = ++_serial;
        Send(Encode(serial, member, signature, body.ToArray()));
        BusMessage message = Receive();
        while (message.ReplySerial != serial || message.Kind is not (BusKind.Answer or BusKind.Error))
        {
            if (message.Kind == BusKind.Signal)
            {
                _signals.Add(message);
            }

            message = Receive();
        }

        return message.Kind == BusKind.Answer ? message
            : throw new SystemdException(member, message.Error, message.Strings(0, 1)[0]);
    }

    /// <summary>The next signal.</summary>
    internal BusMessage NextSignal()
    {
        BusMessage message = _signals.Count > 0 ? _signals[0] : Receive();
        if (_signals.Count > 0)
        {
            _signals.RemoveAt(0);
        }

        while (message.Kind != BusKind.Signal)
        {
            message = Receive();
        }

        return message;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static byte[] Encode(uint serial, string member, string signature, byte[] body)
    {
        const byte LittleEndian = (byte)'l';
        const byte Version = 1;
        BusWriter writer = new();
        writer.Byte(LittleEndian);
        writer.Byte((byte)BusKind.Call);
        writer.Byte(0);
        writer.Byte(Version);
        writer.UInt32((uint)body.Length);
        writer.UInt32(serial);
        (int Length, int First) fields = writer.BeginStructs();
        foreach ((byte code, string type, string value) in ((byte, string, string)[])[(1, "o", ObjectPath),
            (2, "s", Manager), (3, "s", member), (6, "s", "org.freedesktop.systemd1")])
        {
            writer.Align(sizeof(ulong));
            writer.Byte(code);
            writer.Signature(type);
            writer.String(value);
        }

        if (signature.Length > 0)
        {
            const byte SignatureField = 8;
            writer.Align(sizeof(ulong));
            writer.Byte(SignatureField);
            writer.Signature("g");
            writer.Signature(signature);
        }

        writer.EndArray(fields);
        writer.Align(sizeof(ulong));
        return [.. writer.ToArray(), .. body];
    }

    /// <summary>The user id as the kernel vouches for it (D-Bus Specification, "EXTERNAL").</summary>
    private void Authenticate()
    {
        string uid = HostUnistd.GetUid().ToString(CultureInfo.InvariantCulture);
        Send(Encoding.Latin1.GetBytes("\0AUTH EXTERNAL " + Convert.ToHexStringLower(Encoding.Latin1.GetBytes(uid))
            + "\r\n"));
        StringBuilder answer = new();
        byte[] one = new byte[1];
        const int MaxAnswerBytes = 1024;
        while (answer.Length < MaxAnswerBytes && !answer.ToString().EndsWith("\r\n", StringComparison.Ordinal))
        {
            Read(one);
            answer.Append((char)one[0]);
        }

        if (!answer.ToString().StartsWith("OK ", StringComparison.Ordinal))
        {
            throw new UserErrorException("systemd: refuses us: " + answer.ToString().Trim());
        }

        Send("BEGIN\r\n"u8);
        AwaitTaken();
    }

    /// <summary>Comes back when all that was sent has been read. systemd looks at what came with BEGIN, in one read,
    /// only once more comes (sd-bus, as of 252).</summary>
    private void AwaitTaken()
    {
        int waiting = 0;
        while (HostIoctl.Ioctl(_socket.Value, Ioctls.TIOCOUTQ, ref waiting) == Errno.None && waiting > 0
            && Stopwatch.GetElapsedTime(_begun).TotalNanoseconds < TimeoutNs)
        {
            Thread.Sleep(1);
        }
    }

    private BusMessage Receive()
    {
        byte[] first = new byte[BusMessage.FixedBytes];
        Read(first);
        int length = BusMessage.LengthOf(first);
        byte[] whole = new byte[Math.Max(length, first.Length)];
        first.CopyTo(whole, 0);
        Read(whole.AsSpan(first.Length));
        return BusMessage.Parse(whole[..length]) ?? throw new UserErrorException("systemd: says what is no message");
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        Errno errno = HostUnistd.WriteAll(_socket.Value, bytes);
        if (errno != Errno.None)
        {
            throw new UserErrorException("systemd: " + ErrorText.Describe(errno));
        }
    }

    /// <summary>All of the buffer, in the time there is.</summary>
    private void Read(Span<byte> buffer)
    {
        Span<HostPollFd> polled = [new HostPollFd { Fd = _socket.Value, Events = HostPoll.In }];
        int done = 0;
        while (done < buffer.Length)
        {
            long leftNs = TimeoutNs - (long)Stopwatch.GetElapsedTime(_begun).TotalNanoseconds;
            Errno errno = HostPoll.Poll(polled, Math.Max(0, leftNs), out int ready);
            int part = 0;
            errno = errno == Errno.None && ready > 0 ? HostUnistd.Read(_socket.Value, buffer[done..], out part) : errno;
            done += part;
            if (ready == 0 && leftNs <= 0)
            {
                throw new UserErrorException("systemd: does not answer");
            }

            if (errno is not (Errno.None or Errno.EINTR) || (ready > 0 && part == 0 && errno == Errno.None))
            {
                throw new UserErrorException("systemd: " + (errno == Errno.None ? "hung up"
                    : ErrorText.Describe(errno)));
            }
        }
    }
}
