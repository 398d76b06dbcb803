using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using System.Text.Json;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Shim.Host;

/// <summary>
/// The <c>runsc</c> executable as a program: each operation on a container is one invocation. What it has to say
/// against one comes from its log (<c>--log</c>), because its standard error may be the container's.
/// </summary>
internal sealed class Runtime
{
    private const string Name = "runsc";
    private const string Null = "/dev/null";

    private static int s_count;

    private readonly string _program;
    private readonly string _logDirectory;
    private readonly List<string> _flags;

    /// <summary>The program, the directory of its containers' state, and flags for every invocation.</summary>
    internal Runtime(string program, string root, string logDirectory, IEnumerable<string> flags)
    {
        _program = program;
        _logDirectory = logDirectory;
        _flags = ["--root", root, .. flags];
    }

    /// <summary>Where it is when nobody says: beside this executable, else where PATH finds it.</summary>
    internal static string Find(string named)
    {
        if (named.Contains('/', StringComparison.Ordinal))
        {
            return named;
        }

        string name = named.Length > 0 ? named : Name;
        string beside = AppContext.BaseDirectory + "/" + name;
        if (File.Exists(beside))
        {
            return Path.GetFullPath(beside);
        }

        foreach (string directory in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
        {
            if (directory.Length > 0 && File.Exists(directory + "/" + name))
            {
                return directory + "/" + name;
            }
        }

        throw new ShimException(StatusCode.NotFound, name + ": not found beside the shim nor in PATH");
    }

    /// <summary>Runs a command; an error when it fails.</summary>
    internal void Run(params ReadOnlySpan<string> args) => RunWith([-1, -1, -1], args);

    /// <summary>Runs a command and returns what it prints.</summary>
    internal string Ask(params ReadOnlySpan<string> args)
    {
        ShimException.Check("pipe2", HostUnistd.Pipe2(HostFcntl.CloseOnExec, out int readEnd, out int writeEnd));
        using HostFd reader = new(readEnd);
        using HostFd writer = new(writeEnd);
        Invocation invocation = Begin([-1, writeEnd, -1], args);
        writer.Dispose();
        using MemoryStream text = new();
        byte[] chunk = new byte[16384];
        Errno errno;
        do
        {
            errno = HostUnistd.Read(readEnd, chunk, out int done);
            if (errno == Errno.None && done == 0)
            {
                break;
            }

            text.Write(chunk, 0, errno == Errno.None ? done : 0);
        }
        while (errno is Errno.None or Errno.EINTR);

        Finish(invocation, args[0]);
        return Encoding.UTF8.GetString(text.ToArray());
    }

    /// <summary>Runs a command with standard streams of its own; -1 is nothing.</summary>
    internal void RunWith(ReadOnlySpan<int> streams, params ReadOnlySpan<string> args) =>
        Finish(Begin(streams, args), args[0]);

    private Invocation Begin(ReadOnlySpan<int> streams, ReadOnlySpan<string> args)
    {
        string number = Interlocked.Increment(ref s_count).ToString(CultureInfo.InvariantCulture);
        Invocation invocation = new(_logDirectory + "/runsc-" + number + ".log");
        SpawnRequest request = new(Text.ToBytes(_program));
        request.Arguments.Add(request.Program);
        foreach (string word in (string[])[.. _flags, "--log", invocation.Log, "--log-format", "json", .. args])
        {
            request.Arguments.Add(Text.ToBytes(word));
        }

        AddEnvironment(request);
        using HostFd nothing = OpenNull();
        for (int fd = 0; fd < streams.Length; fd++)
        {
            request.Descriptors.Add(new FdMap(streams[fd] >= 0 ? streams[fd] : nothing.Value, fd));
        }

        Reaper.Spawn(request, invocation.End);
        return invocation;
    }

    /// <summary>This process's environment.</summary>
    internal static void AddEnvironment(SpawnRequest request)
    {
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            request.Environment.Add(Text.ToBytes(entry.Key + "=" + entry.Value));
        }
    }

    internal static HostFd OpenNull()
    {
        const int Flags = HostFcntl.ReadWrite | HostFcntl.CloseOnExec;
        ShimException.Check(Null, HostFcntl.OpenAt(HostFcntl.AtFdCwd, Null, Flags, 0, out int fd));
        return new HostFd(fd);
    }

    private static void Finish(Invocation invocation, string command)
    {
        int status = invocation.Await();
        string log = File.Exists(invocation.Log) ? File.ReadAllText(invocation.Log) : "";
        File.Delete(invocation.Log);
        if (status != 0)
        {
            string why = LastError(log) ?? "ended with status " + Reaper.ExitStatus(status);
            throw new ShimException(StatusCode.Unknown, "OCI runtime " + command + " failed: " + why);
        }
    }

    /// <summary>The message of the log's last entry.</summary>
    private static string? LastError(string log)
    {
        string[] lines = log.TrimEnd('\n').Split('\n');
        try
        {
            using JsonDocument entry = JsonDocument.Parse(lines[^1]);
            return entry.RootElement.GetProperty("msg").GetString();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>One run of the program.</summary>
    private sealed class Invocation(string log)
    {
        private readonly ManualResetEventSlim _ended = new(false);
        private int _status;

        internal string Log => log;

        internal void End(int status)
        {
            _status = status;
            _ended.Set();
        }

        internal int Await()
        {
            _ended.Wait();
            return _status;
        }
    }
}
