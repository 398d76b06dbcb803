using System.CommandLine;
using Runsc.Oci;
using Runsc.Sandbox;

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

    internal static readonly Option<string?> DebugLog = new("--debug-log") { Description =
        "File to append the debug log to." };

    internal static readonly Option<bool> Strace = new("--strace") { Description =
        "Print every system call of the container to the debug log, or to standard error." };

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

    internal static void AddTo(RootCommand root)
    {
        root.Options.Add(Root);
        root.Options.Add(Platform);
        root.Options.Add(DebugLog);
        root.Options.Add(Strace);
        root.Options.Add(CountCalls);
        root.Options.Add(Network);
    }

    /// <summary>The values of one invocation.</summary>
    internal sealed record Values(
        string Root, string Platform, string? DebugLog, bool Strace, bool CountCalls);

    /// <summary>Reads and checks the flags.</summary>
    internal static Values Read(ParseResult result)
    {
        string platform = result.GetValue(Platform)!;
        if (platform is not ("auto" or "kvm" or "systrap" or "ptrace"))
        {
            throw new UserErrorException("--platform: " + platform + ": not one of auto, kvm, systrap, ptrace");
        }

        if (result.GetValue(Network) is not "none")
        {
            throw new UserErrorException("--network: " + result.GetValue(Network) + ": only none is supported");
        }

        return new Values(result.GetValue(Root)!, platform, result.GetValue(DebugLog), result.GetValue(Strace),
            result.GetValue(CountCalls));
    }

    private static string DefaultRoot() =>
        !HostIds.IsRoot && ByteStrings.Variable("XDG_RUNTIME_DIR") is { Length: > 0 } directory
            ? directory + "/runsc"
            : "/var/run/runsc";
}
