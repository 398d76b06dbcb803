using System;
using System.Text;
using System.Threading;
using Abi.Linux;
using HostOs;
using Runsc.Sandbox;

namespace Runsc.Boot;

/// <summary>The first process's way from created over running to its end, whoever asks for the steps.</summary>
internal sealed class SandboxLife(Composer composer, SandboxSpec spec, ControlChannel channel)
{
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _started = new(false);

    // Guarded by _lock.
    private Stage _stage;

    internal Composer Composer => composer;

    /// <summary>True once the first program was asked for.</summary>
    internal bool HasStarted
    {
        get
        {
            lock (_lock)
            {
                return _stage != Stage.Created;
            }
        }
    }

    /// <summary>
    /// Runs the first program; null, or one line that says why it is too late. A program that turns out to be none
    /// ends the sandbox: as with runc its line goes to the container's standard error.
    /// </summary>
    internal string? Start()
    {
        lock (_lock)
        {
            if (_stage != Stage.Created)
            {
                return "cannot start an already running container";
            }

            _stage = Stage.Running;
            string? problem = composer.Start(out int status);
            if (problem is not null)
            {
                Fail(problem, status);
            }
        }

        _started.Set();
        return null;
    }

    /// <summary>Waits until the first program runs.</summary>
    internal void AwaitStart() => _started.Wait();

    /// <summary>As <see cref="AwaitStart()"/>; false when it takes longer.</summary>
    internal bool AwaitStart(int timeoutMs) => _started.Wait(timeoutMs);

    /// <summary>
    /// A signal from outside to the first process. Before it runs nobody could handle one: what would end it ends the
    /// sandbox.
    /// </summary>
    internal Errno Signal(int signal)
    {
        lock (_lock)
        {
            bool ends = signal is Signals.SIGKILL or Signals.SIGTERM or Signals.SIGINT or Signals.SIGHUP
                or Signals.SIGQUIT;
            if (_stage == Stage.Created && ends)
            {
                End(signal);
            }
        }

        return composer.Kernel.SignalInit(signal);
    }

    /// <summary>Ends the process with a wait status as its own; those who ask later find it in the exit file.</summary>
    internal void End(int waitStatus)
    {
        const int SignalBase = 128;
        if (spec.ExitFd >= 0)
        {
            _ = HostUnistd.Pwrite(spec.ExitFd, BitConverter.GetBytes(waitStatus), 0, out _);
        }

        channel.Send(new ControlMessage { Kind = ControlKind.Exited, Number = waitStatus });
        int signal = waitStatus & 0x7f;
        HostUnistd.ExitGroup(signal != 0 ? SignalBase + signal : waitStatus >> 8 & 0xff);
    }

    private void Fail(string problem, int status)
    {
        const int StandardOutput = 1;
        const int StandardError = 2;
        const int ExitShift = 8;
        ControlMessage message = new() { Kind = ControlKind.Failed, Number = status, Text = problem };
        if (channel.Send(message) != Errno.None)
        {
            byte[] line = Encoding.Latin1.GetBytes(problem + (spec.Terminal ? "\r\n" : "\n"));
            _ = HostUnistd.WriteAll(spec.Terminal ? StandardOutput : StandardError, line);
        }

        End(status << ExitShift);
    }

    private enum Stage
    {
        Created,
        Running,
    }
}
