using System;
using System.IO;
using System.Threading;
using Abi.Linux;
using Gofer;
using HostOs;
using Lisafs;
using Sentry.Fs.Gofer;
using Xunit;

namespace Tests.Gofer;

/// <summary>
/// A temporary host tree with a writable and a read-only attach point, a server on it and a client connected over
/// sockets.
/// </summary>
public sealed class ServerFixture : IDisposable
{
    private const int Channels = 3;

    private readonly Thread _serverThread;
    private readonly SocketTransport _transport;

    /// <summary>Makes the tree "top/writable" and "top/readonly" and starts serving both.</summary>
    public ServerFixture(AttachFlags flags = AttachFlags.None)
    {
        Top = Path.Combine(Path.GetTempPath(), "gofer-test-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(Writable);
        Directory.CreateDirectory(ReadOnly);
        File.WriteAllText(Path.Combine(Top, "secret"), "outside");
        Server = MakeServer(flags);
        int[] clientEnds = new int[Channels];
        int[] serverEnds = new int[Channels];
        for (int i = 0; i < Channels; i++)
        {
            AssertOk(HostSocket.SocketPair(
                HostSocket.AfUnix, HostSocket.SeqPacket | HostSocket.Cloexec, 0, out clientEnds[i], out serverEnds[i]));
        }

        _serverThread = new Thread(() => Server.Serve(serverEnds)) { IsBackground = true };
        _serverThread.Start();
        _transport = new SocketTransport(clientEnds);
        Client = new GoferClient(_transport);
        AssertOk(Client.Mount(0, out MountAnswer writable));
        AssertOk(Client.Mount(1, out MountAnswer readOnly));
        WritableRoot = writable.Root.Handle;
        ReadOnlyRoot = readOnly.Root.Handle;
    }

    /// <summary>Directory above both attach points.</summary>
    public string Top { get; }

    /// <summary>Host path of attach point 0.</summary>
    public string Writable => Path.Combine(Top, "writable");

    /// <summary>Host path of attach point 1.</summary>
    public string ReadOnly => Path.Combine(Top, "readonly");

    /// <summary>The server.</summary>
    public Server Server { get; }

    /// <summary>A client over sockets.</summary>
    public GoferClient Client { get; }

    /// <summary>Root handle of attach point 0.</summary>
    public uint WritableRoot { get; }

    /// <summary>Root handle of attach point 1.</summary>
    public uint ReadOnlyRoot { get; }

    /// <summary>Fails the test with the errno's name.</summary>
    public static void AssertOk(Errno error) => Assert.Equal(Errno.None, error);

    /// <inheritdoc/>
    public void Dispose()
    {
        _transport.Dispose();
        _serverThread.Join();
        Assert.Equal(0, Server.HandleCount);
        Server.Dispose();
        Directory.Delete(Top, recursive: true);
    }

    private Server MakeServer(AttachFlags flags)
    {
        AssertOk(AttachPoint.Open(Writable, flags, out AttachPoint? writable));
        AssertOk(AttachPoint.Open(ReadOnly, flags | AttachFlags.ReadOnly, out AttachPoint? readOnly));
        AssertOk(Server.Create([writable!, readOnly!], out Server? server));
        return server!;
    }
}
