using System;
using Abi.Linux;
using HostOs;
using Runsc.Sandbox;

namespace Runsc.Boot;

/// <summary>Containers that join the sandbox over this connection, and requests that are about one of them.</summary>
internal sealed partial class ControlSession
{
    /// <summary>The document, the streams, the file for the status, the memory; the bell, if there is one, and the
    /// gofer's channels follow.</summary>
    private const int JoinFds = 6;

    /// <summary>Makes the connection's container. Takes the descriptors.</summary>
    private bool Join(HostFd[] descriptors)
    {
        if (descriptors.Length <= JoinFds || _process is not null || _processEnded is not null)
        {
            Close(descriptors);
            return false;
        }

        SandboxSpec? spec = ReadDocument(descriptors[0]);
        HostFd? bell = spec is { BellFd: >= 0 } ? descriptors[JoinFds] : null;
        int channels = bell is null ? JoinFds : JoinFds + 1;
        bool isWhole = spec is not null && ProcessDocument.IsContainer(spec) && descriptors.Length > channels;
        string? problem = isWhole ? OpenBell() : "the container is not described";
        if (problem is not null)
        {
            Close(descriptors.AsSpan(1));
            return Conclude(problem);
        }

        spec!.BellFd = bell?.Value ?? -1;
        spec.GoferFds.Clear();
        foreach (HostFd channel in descriptors.AsSpan(channels))
        {
            // Its transport owns it from now on.
            spec.GoferFds.Add(channel.Release());
        }

        MemberFiles files = new(descriptors[1..4], descriptors[4], descriptors[5], bell);
        return Enter(new Member(_server.Members, _life.Composer, spec, files, OnProcessEnd));
    }

    private bool Enter(Member member)
    {
        string? problem = null;
        if (!_server.Members.TryAdd(member))
        {
            member.Refuse();
            problem = "container with given ID already exists: " + member.Id + " is in use";
        }
        else if (member.Join() is { } why)
        {
            _server.Members.Remove(member);
            problem = why;
        }

        if (problem is not null)
        {
            CloseBell();
            return Conclude(problem);
        }

        _process = member;
        return Send(new ControlReply { Kind = ReplyKind.Started, Number = member.Number });
    }

    private bool AnswerFor(Member? member, ControlRequest request)
    {
        if (request.Kind == RequestKind.Wait)
        {
            if (member is null || !member.TryAddWaiter(_socket))
            {
                ControlServer.SendEnded(_socket, 0);
            }

            return true;
        }

        if (member is null)
        {
            return Conclude("container not running");
        }

        switch (request.Kind)
        {
            case RequestKind.Start:
                return Conclude(member.Start());
            case RequestKind.Signal:
                return Conclude(CheckSignal(request.Number)
                    ?? (member.SignalFirst(request.Number) == Errno.None ? null : "container not running"));
            case RequestKind.SignalAll or RequestKind.SignalProcess:
                return Conclude(SignalOthers(member.Composer, request));
            case RequestKind.List:
                return List(member.Composer);
            case RequestKind.Pause:
                return Conclude(member.Composer.Pause());
            case RequestKind.Resume:
                return Conclude(member.Composer.Resume());
            case RequestKind.Statistics:
                return Send(new ControlReply { Kind = ReplyKind.Statistics, Statistics =
                    member.Composer.Statistics() });
            case RequestKind.Update:
                return Conclude(member.Composer.Update(request));
            default:
                return false;
        }
    }
}
