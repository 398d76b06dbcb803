using System;
using Abi.Linux;

namespace HostOs;

/// <summary>A child on its way from the clone to its program, see <see cref="Spawn.Begin"/>.</summary>
public sealed class StartingProcess : IDisposable
{
    private readonly SpawnWork _work;
    private readonly int _pid;
    private HostFd? _pidFd;
    private bool _isDisposed;

    internal StartingProcess(SpawnWork work, int pid, HostFd pidFd)
    {
        _work = work;
        _pid = pid;
        _pidFd = pidFd;
    }

    /// <summary>
    /// Waits until the child is the program, whose owner the caller is then. On failure no process is left and
    /// <paramref name="problem"/> says in one line which step failed.
    /// </summary>
    public Errno Finish(out SpawnedProcess process, out string problem)
    {
        process = default;
        Errno error = _work.AwaitExec(out problem);
        if (error == Errno.None)
        {
            process = new SpawnedProcess(_pid, _pidFd!);
            _pidFd = null;
        }
        Dispose();
        return error;
    }

    /// <summary>Ends the child, unless it was finished.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }
        _isDisposed = true;
        if (_pidFd is not null)
        {
            HostWait.PidFdSendSignal(_pidFd.Value, Signals.SIGKILL);
            while (HostWait.Wait4(_pid, HostWait.All, out _, out _) == Errno.EINTR)
            {
            }
            _pidFd.Dispose();
            _pidFd = null;
        }
        _work.Dispose();
    }
}
