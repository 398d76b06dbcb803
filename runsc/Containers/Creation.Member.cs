using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using Runsc.Sandbox;
using Sentry.Mm;

namespace Runsc.Containers;

/// <summary>Containers that join a running sandbox: a gofer of their own, a process of the host that stands for them,
/// and everything else in the Sentry that is there.</summary>
internal sealed partial class Creation
{
    private void JoinSandbox(Container container, string sandboxId, ConsolePair? console)
    {
        using Container? sandbox = Container.TryOpen(_flags.Root, sandboxId);
        if (sandbox is not { State.Sandbox: null, Status: ContainerStatus.Created or ContainerStatus.Running })
        {
            throw new UserErrorException("sandbox " + sandboxId + " is not running");
        }

        if (_options.Preserved > 0)
        {
            throw new UserErrorException("--preserve-fds: not for a container that joins a sandbox");
        }

        SandboxSpec spec = _builder.Spec;
        spec.Shared = Membership.Shared(_config.Linux);
        using ControlClient client = ControlClient.Connect(sandbox.Directory, container.Id)
            ?? throw new UserErrorException("sandbox " + sandboxId + " is not running");
        using JoiningGofer gofer = JoiningGofer.Start(_builder, new SandboxWiring
        {
            Lifetime = SandboxLifetime.OutlivesLauncher,
            Joined = _groups!.Join,
        }, NeedsOrder(container.State.Hooks) ? GoferStart.ByOrder : GoferStart.AtOnce);
        if (NeedsOrder(container.State.Hooks))
        {
            RunFirstHooks(container, sandbox.State.Sentry, gofer.Order);
        }

        using HostFd? bell = HangBell(container);
        Ask(container, client, gofer, console, bell);
        console?.SendMaster(_options.ConsoleSocket!);
        SpawnedProcess standIn = ExecWaiter.Start(client.Socket, console?.Slave);
        bool isDone = false;
        try
        {
            _groups!.Join(standIn.Pid);
            Finish(container, standIn.Pid, gofer.Pid);
            gofer.LetGo();
            isDone = true;
        }
        finally
        {
            if (!isDone)
            {
                HostWait.PidFdSendSignal(standIn.PidFd.Value, Signals.SIGKILL);
            }

            standIn.PidFd.Dispose();
        }
    }

    private void Ask(Container container, ControlClient client, JoiningGofer gofer, ConsolePair? console,
        HostFd? bell)
    {
        using HostFd exit = container.Directory.CreateExitFile();
        // That it is there is all that this number says.
        _builder.Spec.BellFd = bell?.Value ?? -1;
        using HostFd document = Sentries.WriteDocument(_builder.Spec);
        using PassedStreams streams = new(console?.Slave);
        using HostFd memory = MakeMemory();
        int[] bells = bell is null ? [] : [bell.Value];
        try
        {
            client.Ask(new ControlRequest { Kind = RequestKind.Join },
                [document.Value, .. streams.Numbers, exit.Value, memory.Value, .. bells, .. gofer.Channels]);
        }
        catch (UserErrorException)
        {
            // A gofer that ended of itself knows better why its calls failed.
            if (gofer.Said() is { Length: > 0 } line)
            {
                throw new UserErrorException(line);
            }

            throw;
        }
    }

    /// <summary>The container's memory, which the Sentry itself can no longer make.</summary>
    private static HostFd MakeMemory()
    {
        Errno errno = MemoryFile.CreateBacking(out HostFd memory);
        return errno == Errno.None ? memory
            : throw new UserErrorException("cannot make a memory file: " + ErrorText.Describe(errno));
    }

    private enum GoferStart
    {
        AtOnce,

        /// <summary>Once <see cref="JoiningGofer.Order"/> is called.</summary>
        ByOrder,
    }

    /// <summary>A gofer for a Sentry that runs already, ended unless it is let go.</summary>
    private sealed class JoiningGofer : System.IDisposable
    {
        private readonly List<HostFd> _sentryEnds = [];
        private readonly HostFd _says = SandboxProcesses.MakeGoferSays();
        private HostFd? _orders;
        private SpawnedProcess _process;
        private bool _isFree;

        internal int Pid => _process.Pid;

        internal IEnumerable<int> Channels
        {
            get
            {
                foreach (HostFd end in _sentryEnds)
                {
                    yield return end.Value;
                }
            }
        }

        internal static JoiningGofer Start(SandboxBuilder builder, SandboxWiring wiring, GoferStart start)
        {
            FileSizeLimit.Lift();
            DescriptorLimit.Raise();
            JoiningGofer result = new();
            List<HostFd> ends = [];
            for (int i = 0; i < Gofers.ChannelCount; i++)
            {
                (HostFd gofer, HostFd sentry) = SandboxProcesses.MakeChannel();
                ends.Add(gofer);
                result._sentryEnds.Add(sentry);
            }

            using HostFd? orders =
                start == GoferStart.AtOnce ? null : SandboxProcesses.MakeOrderPipe(out result._orders);
            using StartingProcess starting = Gofers.Begin(builder, ends, wiring, result._says, orders);
            result._process = HostIds.Finish(starting);
            ends.ForEach(static end => end.Dispose());
            return result;
        }

        /// <summary>The line it wrote, if any.</summary>
        internal string Said() => SandboxProcesses.ReadLine(_says);

        internal void Order(HookOrder order) => SandboxProcesses.SendOrder(_orders!, order);

        internal void LetGo() => _isFree = true;

        /// <inheritdoc/>
        public void Dispose()
        {
            _sentryEnds.ForEach(static end => end.Dispose());
            if (!_isFree)
            {
                HostWait.PidFdSendSignal(_process.PidFd.Value, Signals.SIGKILL);
                while (HostWait.Wait4(_process.Pid, HostWait.All, out _, out _) == Errno.EINTR)
                {
                }
            }

            _process.PidFd.Dispose();
            _says.Dispose();
            _orders?.Dispose();
        }
    }
}
