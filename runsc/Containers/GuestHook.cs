using System;
using Abi.Linux;
using HostOs;
using Runsc.Cli;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Containers;

/// <summary>A startContainer hook: a program of the container, run inside before the container's own
/// (runtime-spec, config.md, "StartContainer Hooks").</summary>
internal static class GuestHook
{
    private const long NsPerSecond = 1_000_000_000;

    internal static void Run(Container container, HookSpec hook, ControlClient client)
    {
        string path = ByteStrings.FromText(hook.Path!);
        SandboxSpec spec = new()
        {
            Kind = SandboxKind.Container,
            Args = hook.Args is { Count: > 0 } args ? ByteStrings.FromArguments(args) : [path],
            Environment = ByteStrings.FromArguments(hook.Env ?? []),
            Bounding = Capabilities.All,
            Effective = Capabilities.All,
            Permitted = Capabilities.All,
        };

        // argv[0] need not be the path: the path is what runs.
        spec.Args[0] = path;
        using HostFd document = Sentries.WriteDocument(spec);
        using HostFd input = Hooks.MakeFile(container.OciState(ContainerStatus.Created));
        client.Ask(new ControlRequest { Kind = RequestKind.Exec }, [document.Value, input.Value, 1, 2]);
        Span<HostPollFd> polled = [new HostPollFd { Fd = client.Socket.Value, Events = HostPoll.In }];
        long timeoutNs = hook.Timeout is { } seconds ? seconds * NsPerSecond : -1;
        while (HostPoll.Poll(polled, timeoutNs, out _) == Errno.EINTR)
        {
        }

        if (polled[0].Revents == 0)
        {
            throw new UserErrorException("error running startContainer hook " + path
                + ": hook ran past specified timeout of " + hook.Timeout + " s");
        }

        if (client.Receive() is not { Kind: ReplyKind.Ended, Number: 0 })
        {
            throw new UserErrorException("error running startContainer hook " + path);
        }
    }
}
