using System;
using System.IO;
using System.Linq;
using System.Text;
using Abi.Linux;
using HostOs;
using Stub;
using Xunit;

namespace Tests.HostOs;

/// <summary>Programs started from a process with many threads.</summary>
public sealed class SpawnTests
{
    private const string Shell = "/bin/sh";

    [Fact]
    public void A_program_gets_its_arguments_environment_and_descriptors()
    {
        string output = RunShell("echo \"$0 $1 $NAME\"; ls /proc/self/fd | tr '\\n' ' '", request =>
        {
            request.Arguments.Add("zero");
            request.Arguments.Add("one");
            request.Environment.Add("NAME=value");
            request.Environment.Add("PATH=/usr/bin:/bin");
        });
        Assert.Equal("zero one value\n0 1 2 3 ", output);
    }

    /// <summary>SIGPIPE is ignored by this process, not by who started it; what that one ignores (nohup)
    /// stays.</summary>
    [Fact]
    public void Signals_are_not_blocked_and_ignored_only_as_by_the_callers_caller()
    {
        const string Field = "SigIgn:\t";
        string own = File.ReadLines("/proc/self/status")
            .First(line => line.StartsWith(Field, StringComparison.Ordinal));
        ulong ignored = Convert.ToUInt64(own[Field.Length..], 16) & ~(1UL << (Signals.SIGPIPE - 1));
        string output = RunShell("grep -E 'SigBlk|SigIgn' /proc/self/status", request =>
            request.Environment.Add("PATH=/usr/bin:/bin"));
        Assert.Equal($"SigBlk:\t0000000000000000\n{Field}{ignored:x16}\n", output);
    }

    [Fact]
    public void A_missing_program_is_one_clear_error_and_no_process()
    {
        var request = new SpawnRequest("/no/such/program");
        request.Arguments.Add("program");
        Assert.Equal(Errno.ENOENT, Spawn.Run(request, out _, out string problem));
        Assert.Equal("cannot start /no/such/program: execveat: ENOENT", problem);
    }

    [Fact]
    public void A_missing_program_that_was_begun_is_told_when_it_is_finished()
    {
        var request = new SpawnRequest("/no/such/program");
        request.Arguments.Add("program");
        Assert.Equal(Errno.None, Spawn.Begin(request, out StartingProcess? starting, out _));
        using (starting)
        {
            Assert.Equal(Errno.ENOENT, starting!.Finish(out _, out string problem));
            Assert.Equal("cannot start /no/such/program: execveat: ENOENT", problem);
        }
    }

    [Fact]
    public void Who_is_begun_and_never_finished_is_ended_and_waited_for()
    {
        int pid = 0;
        var request = new SpawnRequest(Shell) { Cloned = cloned => pid = cloned };
        request.Arguments.Add("sh");
        request.Arguments.Add("-c");
        request.Arguments.Add("while :; do :; done");
        Assert.Equal(Errno.None, Spawn.Begin(request, out StartingProcess? starting, out _));
        Assert.True(pid > 0);
        starting!.Dispose();
        Assert.Equal(Errno.ECHILD, HostWait.Wait4(pid, HostWait.All, out _, out _));
        starting.Dispose();
    }

    [Fact]
    public void A_failing_extra_call_is_named()
    {
        var request = new SpawnRequest(Shell);
        request.Arguments.Add("sh");
        request.ExtraCalls.Add(("chdir", new ScriptEntry(SysNr.fchdir, 12345)));
        Assert.Equal(Errno.EBADF, Spawn.Run(request, out _, out string problem));
        Assert.Equal($"cannot start {Shell}: chdir: EBADF", problem);
    }

    [Fact]
    public void New_namespaces_have_their_id_maps_before_the_program_runs()
    {
        int uid = HostUnistd.GetUid();
        int gid = HostUnistd.GetGid();
        var request = new SpawnRequest(Shell)
        {
            NamespaceFlags = HostSched.CloneNewUser | HostSched.CloneNewPid | HostSched.CloneNewNet,
            SetGroups = SetGroups.Deny,
        };
        request.UidMap.Add(new IdMap(7, (uint)uid, 1));
        request.GidMap.Add(new IdMap(8, (uint)gid, 1));
        string output = RunShell("echo $$ $(id -u) $(id -g)", request);
        Assert.Equal("1 7 8\n", output);
    }

    [Fact]
    public void A_program_can_be_started_from_a_descriptor()
    {
        Assert.Equal(Errno.None, HostFcntl.OpenAt(
            HostFcntl.AtFdCwd, Shell, HostFcntl.Path | HostFcntl.CloseOnExec, 0, out int fd));
        using var owner = new HostFd(fd);
        Assert.Equal("here\n", RunShell("echo here", new SpawnRequest(Shell) { ProgramFd = fd }));
    }

    private static string RunShell(string command, System.Action<SpawnRequest> prepare)
    {
        var request = new SpawnRequest(Shell);
        return RunShell(command, request, prepare);
    }

    private static string RunShell(string command, SpawnRequest request, System.Action<SpawnRequest>? prepare = null)
    {
        request.Arguments.Add("sh");
        request.Arguments.Add("-c");
        request.Arguments.Add(command);
        if (prepare is null)
        {
            request.Environment.Add("PATH=/usr/bin:/bin");
        }
        prepare?.Invoke(request);
        Assert.Equal(Errno.None, HostUnistd.Pipe2(HostFcntl.CloseOnExec, out int readEnd, out int writeEnd));
        using var ownRead = new HostFd(readEnd);
        using var ownWrite = new HostFd(writeEnd);
        // The targets cross: the source of one is the target of another.
        request.Descriptors.Add(new FdMap(readEnd, 0));
        request.Descriptors.Add(new FdMap(writeEnd, 2));
        request.Descriptors.Add(new FdMap(writeEnd, 1));
        Errno error = Spawn.Run(request, out SpawnedProcess process, out string problem);
        Assert.Equal("", problem);
        Assert.Equal(Errno.None, error);
        ownWrite.Dispose();
        using HostFd pidFd = process.PidFd;
        byte[] buffer = new byte[4096];
        Assert.Equal(Errno.None, HostUnistd.ReadAll(readEnd, buffer, out int done));
        Errno waited = HostWait.WaitId(
            HostWait.IdPidFd, pidFd.Value, HostWait.Exited, out int pid, out int code, out int status);
        Assert.Equal(Errno.None, waited);
        Assert.Equal(process.Pid, pid);
        Assert.Equal((1, 0), (code, status));
        return Encoding.Latin1.GetString(buffer, 0, done);
    }
}
