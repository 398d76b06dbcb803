using System;
using System.Collections.Concurrent;
using System.Threading;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim.Messages;
using Shim.Ttrpc;

namespace Shim.Tasks;

/// <summary>Tells containerd what happens to tasks, in order, over the socket it names in TTRPC_ADDRESS. While
/// containerd is away events wait for a while.</summary>
internal sealed class EventPublisher
{
    private const string Service = "containerd.services.events.ttrpc.v1.Events";
    private const string Method = "Forward";
    private const int Tries = 30;
    private const int PauseMs = 1000;

    private readonly string _address;
    private readonly string _namespace;
    private readonly BlockingCollection<ForwardRequest> _waiting = [];
    private readonly ManualResetEventSlim _isDone = new(false);
    private TtrpcClient? _client;

    internal EventPublisher(string address, string space)
    {
        const string Scheme = "unix://";
        _address = address.StartsWith(Scheme, StringComparison.Ordinal) ? address[Scheme.Length..] : address;
        _namespace = space;
        new Thread(Run, 256 * 1024) { IsBackground = true, Name = "events" }.Start();
    }

    internal void Publish(string topic, IMessage message, string typeName) =>
        _waiting.Add(new ForwardRequest
        {
            Envelope = new Envelope
            {
                Timestamp = Timestamp.FromDateTime(DateTime.UtcNow),
                Namespace = _namespace,
                Topic = topic,
                Event = new Any { TypeUrl = typeName, Value = message.ToByteString() },
            },
        });

    /// <summary>Waits until all is told, but no longer than a caller who wants to end.</summary>
    internal void Finish(int timeoutMs)
    {
        _waiting.CompleteAdding();
        _isDone.Wait(timeoutMs);
    }

    private void Run()
    {
        foreach (ForwardRequest request in _waiting.GetConsumingEnumerable())
        {
            int tries = 0;
            while (!Send(request) && ++tries < Tries && _address.Length > 0)
            {
                Thread.Sleep(PauseMs);
            }
        }

        _isDone.Set();
    }

    private bool Send(ForwardRequest request)
    {
        _client ??= _address.Length > 0 ? TtrpcClient.Connect(_address, _namespace) : null;
        if (_client is not null && _client.Call(Service, Method, request))
        {
            return true;
        }

        _client?.Dispose();
        _client = null;
        return false;
    }
}
