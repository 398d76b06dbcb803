using System;
using System.CommandLine;
using System.IO;
using System.Text.Json;
using System.Text.Json.Nodes;
using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary><c>runsc install</c> and <c>runsc uninstall</c>: enter this executable into Docker's daemon.json, and
/// take it
/// out. Everything else in the file stays; the file as it was is kept beside it, with a tilde.</summary>
internal static class InstallCommand
{
    private const int MaxBytes = 1 << 20;
    private const int EveryoneReads = 0x1A4;
    private const int ModeBits = 0x1FF;

    private static readonly Option<string> s_file = new("--config_file", "--config-file")
    {
        Description = "Docker's configuration.",
        DefaultValueFactory = _ => "/etc/docker/daemon.json",
    };

    private static readonly Option<string> s_runtime = new("--runtime")
    {
        Description = "Name of the runtime in it.",
        DefaultValueFactory = _ => "runsc",
    };

    private static readonly Argument<string[]> s_arguments = new("arguments") { Description =
        "Flags that Docker is to pass (after --).", Arity = ArgumentArity.ZeroOrMore };

    internal static Command BuildInstall()
    {
        Command command = new("install", "Enter runsc into Docker's configuration.") { s_file, s_runtime,
            s_arguments };
        command.SetAction(result =>
        {
            Change(result.GetValue(s_file)!, runtimes => Enter(runtimes, result.GetValue(s_runtime)!,
                result.GetValue(s_arguments) ?? []));
            return 0;
        });
        return command;
    }

    internal static Command BuildUninstall()
    {
        Command command = new("uninstall", "Take runsc out of Docker's configuration.") { s_file, s_runtime };
        command.SetAction(result =>
        {
            string runtime = result.GetValue(s_runtime)!;
            Change(result.GetValue(s_file)!, runtimes => _ = runtimes.Remove(runtime) ? 0
                : throw new UserErrorException("uninstall: there is no runtime " + runtime));
            return 0;
        });
        return command;
    }

    private static void Enter(JsonObject runtimes, string runtime, string[] arguments)
    {
        Errno errno = HostUnistd.ReadLinkAt(HostFcntl.AtFdCwd, "/proc/self/exe", out string self);
        if (errno != Errno.None || !ByteStrings.TryToText(self, out string path))
        {
            throw new UserErrorException("install: the path of this executable is not known or not UTF-8");
        }

        JsonArray words = [];
        foreach (string argument in arguments)
        {
            ByteStrings.TryToText(argument, out string text);
            words.Add((JsonNode)JsonValue.Create(text));
        }

        runtimes[runtime] = new JsonObject { ["path"] = path, ["runtimeArgs"] = words };
    }

    private static void Change(string file, Action<JsonObject> edit)
    {
        Errno errno = Read(file, out byte[] old, out int mode);
        bool isThere = errno == Errno.None;
        if (!isThere && errno != Errno.ENOENT)
        {
            throw new UserErrorException(file + ": " + ErrorText.Describe(errno));
        }

        JsonObject document = Parse(file, isThere ? old : "{}"u8.ToArray());
        JsonNode? runtimes = document["runtimes"] ?? (document["runtimes"] = new JsonObject());
        edit(runtimes as JsonObject ?? throw new UserErrorException(file + ": runtimes: not an object"));
        if (isThere)
        {
            Write(file + "~", old, mode);
        }
        else
        {
            _ = Sandbox.HostPath.MakeDirectories(file[..Math.Max(0, file.LastIndexOf('/'))]);
        }

        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true }))
        {
            document.WriteTo(writer);
        }

        stream.WriteByte((byte)'\n');
        Write(file, stream.ToArray(), mode);
    }

    private static JsonObject Parse(string file, byte[] text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject ?? throw new UserErrorException(file + ": not an object");
        }
        catch (JsonException e)
        {
            throw new UserErrorException(file + ": not valid JSON (line " + (e.LineNumber + 1) + ")");
        }
    }

    private static Errno Read(string file, out byte[] text, out int mode)
    {
        text = [];
        mode = EveryoneReads;
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, file, HostFcntl.ReadOnly | HostFcntl.CloseOnExec, 0,
            out int opened);
        if (errno != Errno.None)
        {
            return errno;
        }

        using HostFd fd = new(opened);
        byte[] bytes = new byte[MaxBytes];
        mode = HostStat.Fstat(opened, out Stat stat) == Errno.None ? (int)stat.st_mode & ModeBits : mode;
        errno = HostUnistd.ReadAll(opened, bytes, out int done);
        text = bytes[..done];
        return errno == Errno.None && done == MaxBytes ? Errno.EFBIG : errno;
    }

    /// <summary>Complete or as it was. Who may read it stays the same.</summary>
    private static void Write(string file, byte[] text, int mode)
    {
        const int Flags = HostFcntl.WriteOnly | HostFcntl.Create | HostFcntl.Truncate | HostFcntl.CloseOnExec;
        string temporary = file + ".new";
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, temporary, Flags, mode, out int opened);
        if (errno == Errno.None)
        {
            using HostFd fd = new(opened);
            errno = HostStat.Fchmod(opened, mode);
            errno = errno == Errno.None ? HostUnistd.WriteAll(opened, text) : errno;
            errno = errno == Errno.None ? HostUnistd.Fsync(opened) : errno;
        }

        errno = errno == Errno.None
            ? HostUnistd.RenameAt2(HostFcntl.AtFdCwd, temporary, HostFcntl.AtFdCwd, file, 0)
            : errno;
        if (errno != Errno.None)
        {
            throw new UserErrorException(file + ": " + ErrorText.Describe(errno));
        }
    }
}
