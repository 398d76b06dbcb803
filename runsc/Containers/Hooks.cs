using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Abi.Linux;
using HostOs;
using Runsc.Cli;
using Runsc.Oci;
using Stub;

namespace Runsc.Containers;

/// <summary>Programs of the host that run at moments of a container's life (runtime-spec, config.md, "POSIX-platform
/// Hooks"): the container's state comes on standard input.</summary>
internal static class Hooks
{
    private const long NsPerSecond = 1_000_000_000;
    private const int NoLifeline = -1;

    /// <summary>Runs the hooks in their order; the first that fails stops it unless failures are only reported. When
    /// <paramref name="lifeline"/> hangs up, the one that runs is ended, which is a failure.</summary>
    internal static void RunAll(string moment, List<HookSpec>? hooks, byte[] state, HookFailure failure,
        int lifeline = NoLifeline)
    {
        int index = 0;
        foreach (HookSpec hook in hooks ?? [])
        {
            string? problem = Run(hook, state, lifeline);
            if (problem is not null)
            {
                string line = "error running " + moment + " hook #" + index.ToString(CultureInfo.InvariantCulture)
                    + ": " + problem;
                if (failure == HookFailure.Fatal)
                {
                    throw new UserErrorException(line);
                }

                RuntimeLog.Write("warning", line);
            }

            index++;
        }
    }

    private static string? Run(HookSpec hook, byte[] state, int lifeline)
    {
        string path = ByteStrings.FromText(hook.Path!);
        using HostFd input = MakeFile(state);
        using HostFd output = MakeFile([]);
        using HostFd error = MakeFile([]);
        SpawnRequest request = new(path);
        request.Arguments.AddRange(hook.Args is { Count: > 0 } args ? ByteStrings.FromArguments(args) : [path]);
        request.Environment.AddRange(hook.Env is null ? ByteStrings.Environment()
            : ByteStrings.FromArguments(hook.Env));
        request.Descriptors.Add(new FdMap(input.Value, 0));
        request.Descriptors.Add(new FdMap(output.Value, 1));
        request.Descriptors.Add(new FdMap(error.Value, 2));
        request.ExtraCalls.Add(("prctl(PR_SET_PDEATHSIG)",
            new ScriptEntry(SysNr.prctl, HostPrctl.SetPDeathSig, Signals.SIGKILL)));
        Errno errno = Spawn.Run(request, out SpawnedProcess process, out _);
        if (errno != Errno.None)
        {
            return "fork/exec " + path + ": " + ErrorText.Describe(errno);
        }

        using (process.PidFd)
        {
            long timeoutNs = hook.Timeout is { } seconds ? seconds * NsPerSecond : -1;
            HookEnd end = AwaitEnd(process.PidFd.Value, lifeline, timeoutNs);
            if (end != HookEnd.Ended)
            {
                HostWait.PidFdSendSignal(process.PidFd.Value, Signals.SIGKILL);
            }

            int status;
            while (HostWait.Wait4(process.Pid, HostWait.All, out status, out _) == Errno.EINTR)
            {
            }

            return end == HookEnd.TimedOut ? "hook ran past specified timeout of " + hook.Timeout + " s"
                : end == HookEnd.Orphaned ? "the container is not made any more"
                : status == 0 ? null
                : Describe(status) + ", stdout: " + ReadAll(output) + ", stderr: " + ReadAll(error);
        }
    }

    private static HookEnd AwaitEnd(int pidFd, int lifeline, long timeoutNs)
    {
        Span<HostPollFd> polled = [new HostPollFd { Fd = pidFd, Events = HostPoll.In },
            new HostPollFd { Fd = lifeline }];
        while (HostPoll.Poll(polled, timeoutNs, out _) == Errno.EINTR)
        {
        }

        return polled[0].Revents != 0 ? HookEnd.Ended : polled[1].Revents != 0 ? HookEnd.Orphaned : HookEnd.TimedOut;
    }

    private static string Describe(int status)
    {
        int signal = status & 0x7f;
        return signal != 0 ? "signal " + signal : "exit status " + (status >> 8 & 0xff);
    }

    /// <summary>A memory file with a content.</summary>
    internal static HostFd MakeFile(byte[] content)
    {
        Errno errno = HostMman.MemfdCreate("runsc-hook", HostMman.MfdCloexec, out int fd);
        HostFd file = new(fd);
        errno = errno == Errno.None ? HostUnistd.WriteAll(fd, content) : errno;
        errno = errno == Errno.None ? HostUnistd.Seek(fd, 0, 0, out _) : errno;
        if (errno != Errno.None)
        {
            file.Dispose();
            throw new UserErrorException("cannot make a memory file: " + ErrorText.Describe(errno));
        }

        return file;
    }

    private static string ReadAll(HostFd file)
    {
        const int Limit = 4096;
        byte[] text = new byte[Limit];
        return HostUnistd.Pread(file.Value, text, 0, out int done) == Errno.None
            ? Encoding.Latin1.GetString(text, 0, done).TrimEnd('\n')
            : "";
    }

    private enum HookEnd
    {
        /// <summary>It is over.</summary>
        Ended,

        /// <summary>It runs longer than it may.</summary>
        TimedOut,

        /// <summary>It runs for nobody: the lifeline has hung up.</summary>
        Orphaned,
    }
}
