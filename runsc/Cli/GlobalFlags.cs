using System;
using System.CommandLine;
using Runsc.Oci;
using Runsc.Sandbox;
using Sentry.Fs.Gofer;

namespace Runsc.Cli;

/// <summary>Flags before the command.</summary>
internal static class GlobalFlags
{
    internal static readonly Option<string> Root = new("--root")
    {
        Description = "Directory of container state.",
        DefaultValueFactory = _ => DefaultRoot(),
    };

    internal static readonly Option<string> Platform = new("--platform")
    {
        Description = "How guest code runs: auto, kvm, systrap or ptrace.",
        DefaultValueFactory = _ => "auto",
    };

    internal static readonly Option<string> KvmSentry = new("--kvm-sentry")
    {
        Description = "With the kvm platform, where the Sentry runs: host, or ring0 if that can be, "
            + "or apart: there on page tables of its own.",
        DefaultValueFactory = _ => "host",
        Hidden = true,
    };

    internal static readonly Option<string> SystrapPatching = new("--systrap-patching")
    {
        Description = "Whether systrap replaces system-call instructions by jumps: on or off.",
        DefaultValueFactory = _ => "on",
    };

    internal static readonly Option<string?> DebugLog = new("--debug-log") { Description =
        "File to append the debug log to." };

    internal static readonly Option<bool> Strace = new("--strace") { Description =
        "Print every system call of the container to the debug log, or to standard error." };

    internal static readonly Option<bool> Debug = new("--debug") { Description =
        "Write to the debug log also what clients ask of the sandbox." };

    internal static readonly Option<bool> CountCalls = new("--count-calls")
    {
        Description = "At the end, write calls and managed bytes of each system call to the debug log.",
        Hidden = true,
    };

    internal static readonly Option<string> Network = new("--network")
    {
        Description = "Network of the sandbox: none.",
        DefaultValueFactory = _ => "none",
    };

    /// <summary>Flags of runc and of gVisor's runsc that engines pass and that change nothing here or are read
    /// elsewhere
    /// (<see cref="RuntimeLog"/>).</summary>
    private static readonly Option[] s_accepted =
    [
        new Option<string?>("--log") { Description = "File to append errors to." },
        new Option<string?>("--log-format") { Description = "Format of --log: text or json." },
        new Option<string?>("--rootless") { Description = "Ignored: whether the caller is root says it.", Arity =
            ArgumentArity.ZeroOrOne },
        new Option<string?>("--criu") { Description = "Ignored." },
    ];

    internal static readonly Option<bool> SystemdCgroup = new("--systemd-cgroup") { Description =
        "linux.cgroupsPath is slice:prefix:name." };

    internal static readonly Option<bool> OciSeccomp = new("--oci-seccomp") { Description =
        "Apply linux.seccomp of the configuration inside the container; every system call costs more then." };

    internal static readonly Option<bool> CpusFromQuota = new("--cpu-num-from-quota") { Description =
        "The container sees no more processors than its quota is worth." };

    internal static readonly Option<bool> IgnoreCgroups = new("--ignore-cgroups") { Description =
        "Make no control groups." };

    internal static readonly Option<string> Overlay = new("--overlay2")
    {
        Description = "Where a container's writes to its root go: root:memory, or none for the host's directory.",
        DefaultValueFactory = _ => "root:memory",
    };

    internal static readonly Option<string> FileAccess = new("--file-access")
    {
        Description = "Who changes a container's root while it runs: exclusive (it alone) or shared (the host too).",
        DefaultValueFactory = _ => "exclusive",
    };

    internal static readonly Option<string> FileAccessMounts = new("--file-access-mounts")
    {
        Description = "The same for its bind mounts: exclusive or shared.",
        DefaultValueFactory = _ => "shared",
    };

    private static readonly Option[] s_all =
        [Overlay, FileAccess, FileAccessMounts, Root, Platform, KvmSentry, SystrapPatching, DebugLog, Debug, Strace,
            CountCalls, Network, SystemdCgroup, IgnoreCgroups, CpusFromQuota, OciSeccomp, .. s_accepted];

    internal static void AddTo(Command root)
    {
        foreach (Option option in s_all)
        {
            root.Options.Add(option);
        }
    }

    /// <summary>True for a flag whose value may be the next word.</summary>
    internal static bool TakesValue(string flag) => Find(flag) is { Arity.MinimumNumberOfValues: > 0 };

    /// <summary>The first word that is no flag of ours nor a flag's value: the command, when it names one. Null when
    /// there is none, or a flag before it that nobody knows.</summary>
    internal static string? FirstWord(ReadOnlySpan<string> args)
    {
        for (int i = 0; i < args.Length; i++)
        {
            string word = args[i];
            if (word.Length < 2 || word[0] != '-')
            {
                return word;
            }

            int equals = word.IndexOf('=');
            if (Find(equals < 0 ? word : word[..equals]) is not { } option)
            {
                return null;
            }

            i += equals < 0 && option.Arity.MinimumNumberOfValues > 0 ? 1 : 0;
        }

        return null;
    }

    private static Option? Find(string flag)
    {
        foreach (Option option in s_all)
        {
            if (option.Name == flag)
            {
                return option;
            }
        }

        return null;
    }

    /// <summary>The values of one invocation.</summary>
    internal sealed record Values(
        string Root, string Platform, string KvmSentry, bool SystrapPatching, string? DebugLog, bool IsVerbose,
            bool Strace,
        bool CountCalls, CgroupNaming Cgroups, RootStorage RootStorage, bool CpusFromQuota,
        bool OciSeccomp, GoferSharing RootSharing, GoferSharing MountSharing);

    /// <summary>Reads and checks the flags.</summary>
    internal static Values Read(ParseResult result)
    {
        string platform = result.GetValue(Platform)!;
        if (platform is not ("auto" or "kvm" or "systrap" or "ptrace"))
        {
            throw new UserErrorException("--platform: " + platform + ": not one of auto, kvm, systrap, ptrace");
        }

        string sentry = result.GetValue(KvmSentry)!;
        if (sentry is not ("host" or "ring0" or "apart"))
        {
            throw new UserErrorException("--kvm-sentry: " + sentry + ": not one of host, ring0, apart");
        }

        if (result.GetValue(Network) is not "none")
        {
            throw new UserErrorException("--network: " + result.GetValue(Network) + ": only none is supported");
        }

        string patching = result.GetValue(SystrapPatching)!;
        if (patching is not ("on" or "off"))
        {
            throw new UserErrorException("--systrap-patching: " + patching + ": neither on nor off");
        }

        RootStorage storage = result.GetValue(Overlay) switch
        {
            "root:memory" => RootStorage.Memory,
            "none" => RootStorage.Host,
            string other => throw new UserErrorException("--overlay2: " + other + ": not one of root:memory, none"),
            _ => RootStorage.Memory,
        };
        CgroupNaming cgroups = result.GetValue(IgnoreCgroups) ? CgroupNaming.None
            : result.GetValue(SystemdCgroup) ? CgroupNaming.Systemd : CgroupNaming.Paths;
        return new Values(result.GetValue(Root)!, platform, sentry, patching == "on",
            result.GetValue(DebugLog), result.GetValue(Debug), result.GetValue(Strace), result.GetValue(CountCalls),
            cgroups, storage, result.GetValue(CpusFromQuota), result.GetValue(OciSeccomp),
                ReadSharing(result, FileAccess), ReadSharing(result, FileAccessMounts));
    }

    private static GoferSharing ReadSharing(ParseResult result, Option<string> option) =>
        result.GetValue(option) switch
        {
            "exclusive" => GoferSharing.Exclusive,
            "shared" => GoferSharing.Shared,
            string other =>
                throw new UserErrorException(option.Name + ": " + other + ": neither exclusive nor shared"),
            _ => GoferSharing.Shared,
        };

    private static string DefaultRoot() =>
        !HostIds.IsRoot && ByteStrings.Variable("XDG_RUNTIME_DIR") is { Length: > 0 } directory
            ? directory + "/runsc"
            : "/var/run/runsc";
}

/// <summary>What linux.cgroupsPath is.</summary>
internal enum CgroupNaming
{
    /// <summary>A path below each hierarchy.</summary>
    Paths,

    /// <summary>slice:prefix:name.</summary>
    Systemd,

    /// <summary>Ignored.</summary>
    None,
}
