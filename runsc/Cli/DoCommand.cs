using System;
using System.Collections.Generic;
using System.CommandLine;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using Runsc.Sandbox;
using static Abi.Linux.MountFlags;

namespace Runsc.Cli;

/// <summary>
/// <c>runsc do</c>: runs one command in a throw-away sandbox over a host directory (default: the host's root). The
/// directory is a read-only lower
/// layer; what the command writes is gone with the sandbox, except in writable volumes.
/// </summary>
internal static class DoCommand
{
    internal const string Name = "do";

    private const int MaxHostNameBytes = 64;

    private static readonly Option<string> s_root = new("--root")
    {
        Description = "Host directory that becomes the sandbox's root.",
        DefaultValueFactory = _ => "/",
    };

    private static readonly Option<string?> s_cwd = new("--cwd") { Description =
        "Working directory inside (default: the caller's over the host's root, else /)." };

    private static readonly Option<string[]> s_volumes = new("--volume", "-v")
    {
        Description = "SRC:DST[:ro]: host path to mount inside; may be repeated.",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private static readonly Option<string> s_hostname = new("--hostname")
    {
        Description = "Host name inside.",
        DefaultValueFactory = _ => "runsc",
    };

    private static readonly Option<string?> s_memory = new("--memory") { Description =
        "Memory limit inside, bytes or with suffix K, M, G." };

    private static readonly Option<long> s_pids = new("--pids-limit") { Description = "Most tasks inside." };

    private static readonly Argument<string[]> s_command = new("command")
    {
        Description = "Command and its arguments.",
        Arity = ArgumentArity.OneOrMore,
    };

    internal static Command Build()
    {
        Command command = new(Name, "Run a command in a throw-away sandbox.") { s_root, s_cwd, s_volumes, s_hostname,
            s_memory, s_pids, s_command };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult result)
    {
        SandboxBuilder builder = new();
        string root = HostPath.Resolve("do: --root", result.GetValue(s_root)!, PathKind.Directory);
        builder.SetRoot(root);
        AddStandardMounts(builder, root);
        foreach (string volume in result.GetValue(s_volumes) ?? [])
        {
            AddVolume(builder, volume);
        }

        SandboxSpec spec = builder.Spec;
        spec.Id = "do-" + Environment.ProcessId;
        spec.Args = [.. PassThrough.GuestWords];
        spec.Environment = ByteStrings.Environment();
        spec.Umask = CallersUmask();
        spec.WorkingDirectory = result.GetValue(s_cwd) ?? DefaultDirectory(root);
        SetVariable(spec.Environment, "PWD", spec.WorkingDirectory);
        if (spec.WorkingDirectory.Length == 0 || spec.WorkingDirectory[0] != '/')
        {
            throw new UserErrorException("do: --cwd: " + spec.WorkingDirectory + ": must be an absolute path");
        }

        HostPath.CheckLength("do: --cwd", spec.WorkingDirectory);
        spec.Hostname = result.GetValue(s_hostname)!;
        if (spec.Hostname.Length > MaxHostNameBytes)
        {
            throw new UserErrorException("do: --hostname: longer than " + MaxHostNameBytes + " bytes");
        }

        spec.MemoryLimitBytes = Sizes.CheckMemory("do: --memory", Sizes.Parse("do: --memory",
            result.GetValue(s_memory)));
        spec.PidsLimit = result.GetValue(s_pids);
        if (spec.PidsLimit <= 0 && result.GetResult(s_pids) is { Implicit: false })
        {
            throw new UserErrorException("do: --pids-limit: " + spec.PidsLimit + ": not a positive number");
        }

        spec.Bounding = spec.Effective = spec.Permitted = Oci.Capabilities.All;
        spec.Terminal = Terminal.IsInteractive;
        return Launcher.Run(builder, GlobalFlags.Read(result), new SandboxWiring());
    }

    /// <summary>umask(2) tells the mask only by changing it.</summary>
    private static uint CallersUmask()
    {
        int mask = HostStat.Umask(0);
        HostStat.Umask(mask);
        return (uint)mask;
    }

    /// <summary>Over the host's root the caller's directory, where it is not hidden by a mount; else the
    /// root.</summary>
    private static string DefaultDirectory(string root)
    {
        const string Here = "/proc/self/cwd";
        string[] hidden = ["/proc", "/sys", "/dev"];
        bool isKnown = HostUnistd.ReadLinkAt(HostFcntl.AtFdCwd, Here, out string path) == Errno.None
            && root == "/" && path.StartsWith('/') && HostUnistd.FaccessAt2(HostFcntl.AtFdCwd, path, 0,
                0) == Errno.None;
        return isKnown && !Array.Exists(hidden, mount => (path + "/").StartsWith(mount + "/", StringComparison.Ordinal))
            ? path
            : "/";
    }

    private static void SetVariable(List<string> environment, string name, string value)
    {
        int index = environment.FindIndex(entry => entry.StartsWith(name + "=", StringComparison.Ordinal));
        if (index >= 0)
        {
            environment[index] = name + "=" + value;
        }
    }

    private static void AddStandardMounts(SandboxBuilder builder, string root)
    {
        ulong safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;
        builder.AddMount("proc", "/proc", safe, "");
        builder.AddMount("sysfs", "/sys", safe | MS_RDONLY, "");
        builder.AddMount("devtmpfs", "/dev", MS_NOSUID, "");
        builder.AddMount("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
        builder.AddMount("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
        if (root != "/")
        {
            builder.AddMount("tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777");
        }
    }

    private static void AddVolume(SandboxBuilder builder, string volume)
    {
        string[] parts = volume.Split(':');
        bool readOnly = parts.Length == 3 && parts[2] == "ro";
        bool wellFormed = parts.Length == 2 || readOnly || (parts.Length == 3 && parts[2] == "rw");
        if (!wellFormed || parts[0].Length == 0 || parts[1].Length == 0 || parts[1][0] != '/')
        {
            throw new UserErrorException("do: --volume: " + volume + ": expected SRC:DST[:ro] with an absolute DST");
        }

        HostPath.CheckLength("do: --volume", parts[1]);
        string source = HostPath.Resolve("do: --volume", parts[0], PathKind.Any);
        builder.AddBind(source, parts[1], MS_REC | (readOnly ? MS_RDONLY : 0), 0);
    }
}
