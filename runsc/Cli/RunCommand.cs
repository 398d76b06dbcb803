using System.CommandLine;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary><c>runsc run</c>: creates and starts a container from a bundle and waits for it.</summary>
internal static class RunCommand
{
    private static readonly Option<string> s_bundle = new("--bundle", "-b")
    {
        Description = "Directory with config.json.",
        DefaultValueFactory = _ => ".",
    };

    private static readonly Argument<string> s_id = new("container-id") { Description = "Name of the container." };

    internal static Command Build()
    {
        Command command = new("run", "Run a container from an OCI bundle.") { s_bundle, s_id };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult result)
    {
        string id = result.GetValue(s_id)!;
        ContainerId.Check(id);
        string bundle = result.GetValue(s_bundle)!;
        Spec spec = SpecLoader.Load(bundle);
        SandboxBuilder builder = OciSandbox.Build(id, bundle, spec);
        GlobalFlags.Values flags = GlobalFlags.Read(result);
        using StateDirectory state = StateDirectory.Create(flags.Root, id, bundle);
        return Launcher.Run(builder, flags);
    }
}
