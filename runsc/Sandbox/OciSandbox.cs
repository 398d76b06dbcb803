using System.Collections.Generic;
using System.IO;
using Runsc.Cli;
using Runsc.Oci;
using static Abi.Linux.MountFlags;

namespace Runsc.Sandbox;

/// <summary>An OCI configuration to a sandbox.</summary>
internal static class OciSandbox
{
    internal static SandboxBuilder Build(string id, string bundle, Spec config)
    {
        SandboxBuilder builder = new();
        string file = Path.Combine(bundle, "config.json");
        RootSpec root = config.Root!;
        string rootPath = Path.IsPathRooted(root.Path!) ? root.Path! : Path.Combine(bundle, root.Path!);
        builder.SetRoot(SandboxBuilder.ResolveHostPath(file + ": root.path", rootPath, PathKind.Directory));
        SandboxSpec spec = builder.Spec;
        spec.Id = id;
        spec.RootReadOnly = root.Readonly;
        spec.Hostname = ByteStrings.FromText(config.Hostname ?? "runsc");
        spec.Domainname = ByteStrings.FromText(config.Domainname ?? "(none)");
        SetProcess(spec, config.Process!);
        SetLinux(spec, config.Linux);
        int index = 0;
        foreach (MountSpec mount in config.Mounts ?? [])
        {
            AddMount(builder, file + ": mounts[" + index++ + "]", bundle, mount);
        }

        return builder;
    }

    private static void SetProcess(SandboxSpec spec, ProcessSpec process)
    {
        spec.Args = ByteStrings.FromArguments(process.Args!);
        spec.Environment = ByteStrings.FromArguments(process.Env ?? []);
        spec.WorkingDirectory = ByteStrings.FromText(process.Cwd!);
        spec.Uid = process.User?.Uid ?? 0;
        spec.Gid = process.User?.Gid ?? 0;
        spec.Umask = process.User?.Umask ?? spec.Umask;
        spec.Groups = process.User?.AdditionalGids ?? [];
        spec.NoNewPrivileges = process.NoNewPrivileges;
        spec.Terminal = process.Terminal;
        spec.TerminalRows = process.ConsoleSize?.Height ?? 0;
        spec.TerminalColumns = process.ConsoleSize?.Width ?? 0;
        CapabilitiesSpec? sets = process.Capabilities;
        spec.Bounding = Oci.Capabilities.ToMask(sets?.Bounding);
        spec.Effective = Oci.Capabilities.ToMask(sets?.Effective);
        spec.Inheritable = Oci.Capabilities.ToMask(sets?.Inheritable);
        spec.Permitted = Oci.Capabilities.ToMask(sets?.Permitted);
        spec.Ambient = Oci.Capabilities.ToMask(sets?.Ambient);
        foreach (RlimitSpec limit in process.Rlimits ?? [])
        {
            spec.Limits.Add(new LimitSpec { Resource = Rlimits.Number(limit.Type), Soft = limit.Soft, Hard =
                limit.Hard });
        }
    }

    private static void SetLinux(SandboxSpec spec, LinuxSpec? linux)
    {
        spec.MaskedPaths = ByteStrings.FromArguments(linux?.MaskedPaths ?? []);
        spec.ReadOnlyPaths = ByteStrings.FromArguments(linux?.ReadonlyPaths ?? []);
        spec.MemoryLimitBytes = linux?.Resources?.Memory?.Limit is > 0 and long memory ? memory : 0;
        spec.PidsLimit = linux?.Resources?.Pids?.Limit is > 0 and long pids ? pids : 0;
    }

    private static void AddMount(SandboxBuilder builder, string where, string bundle, MountSpec mount)
    {
        IReadOnlyList<string> options = mount.Options ?? [];
        (ulong flags, ulong propagation, string data) = MountOptions.Parse(options);
        string destination = ByteStrings.FromText(mount.Destination!);
        bool isBind = mount.Type == "bind" || (flags & MS_BIND) != 0;
        if (isBind)
        {
            if (mount.Source is not { Length: > 0 } source)
            {
                throw new UserErrorException(where + ".source: missing");
            }

            string path = Path.IsPathRooted(source) ? source : Path.Combine(bundle, source);
            builder.AddBind(SandboxBuilder.ResolveHostPath(where + ".source", path, PathKind.Any), destination,
                flags, propagation);
            return;
        }

        if (mount.Type is not { Length: > 0 } type)
        {
            throw new UserErrorException(where + ".type: missing");
        }

        builder.AddMount(type, destination, flags, ByteStrings.FromText(data));
    }
}
