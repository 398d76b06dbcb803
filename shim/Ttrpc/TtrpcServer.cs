using System;
using System.Threading;
using Abi.Linux;
using Google.Protobuf;
using HostOs;
using Shim.Messages;

namespace Shim.Ttrpc;

/// <summary>Answers unary calls: a thread for each connection and one for each call, because a call may wait for
/// the end of a process. <c>answered</c> is called behind every answer.</summary>
internal sealed class TtrpcServer(Func<string, string, ByteString, IMessage> handler, Action answered)
{
    private const int StackBytes = 256 * 1024;

    /// <summary>Accepts connections for ever.</summary>
    internal void Serve(int listener)
    {
        while (true)
        {
            Errno errno = HostSocket.Accept4(listener, HostSocket.Cloexec, out int connection);
            if (errno == Errno.None)
            {
                Start(() => Read(connection));
            }
            else if (errno is not (Errno.EINTR or Errno.ECONNABORTED or Errno.EAGAIN))
            {
                throw ShimException.Of("accept", errno);
            }
        }
    }

    private static void Start(ThreadStart body) => new Thread(body, StackBytes) { IsBackground = true }.Start();

    private void Read(int fd)
    {
        Connection connection = new(fd);
        while (Frame.TryRead(fd, out Frame frame))
        {
            if (frame.Kind == FrameKind.Request)
            {
                Frame request = frame;
                connection.Enter();
                Start(() => Answer(connection, request));
            }
        }

        connection.Leave();
    }

    private void Answer(Connection connection, Frame frame)
    {
        Response response = new();
        try
        {
            if (frame.Data is null)
            {
                throw new ShimException(StatusCode.ResourceExhausted, "message is longer than 4 MiB");
            }

            Request request = Request.Parser.ParseFrom(frame.Data);
            response.Payload = handler(request.Service, request.Method, request.Payload).ToByteString();
        }
        catch (ShimException e)
        {
            response.Status = new Status { Code = (int)e.Code, Message = e.Message };
        }
        catch (InvalidProtocolBufferException e)
        {
            response.Status = new Status { Code = (int)StatusCode.InvalidArgument, Message = e.Message };
        }

        connection.Write(frame.Stream, response);
        connection.Leave();
        answered();
    }

    /// <summary>A descriptor that its reader and every call in progress hold.</summary>
    private sealed class Connection(int fd)
    {
        private readonly Lock _lock = new();
        private int _users = 1;

        internal void Enter() => Interlocked.Increment(ref _users);

        internal void Leave()
        {
            if (Interlocked.Decrement(ref _users) == 0)
            {
                HostUnistd.Close(fd);
            }
        }

        internal void Write(uint stream, Response response)
        {
            lock (_lock)
            {
                _ = Frame.Write(fd, stream, FrameKind.Response, response.ToByteArray());
            }
        }
    }
}
