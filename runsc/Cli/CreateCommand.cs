using System.CommandLine;
using Runsc.Containers;

namespace Runsc.Cli;

/// <summary><c>runsc create</c> and <c>runsc run</c>: make a container from a bundle; run also starts it and, without
/// <c>--detach</c>, waits for it.</summary>
internal static class CreateCommand
{
    private static readonly Option<string> s_bundle = new("--bundle", "-b")
    {
        Description = "Directory with config.json.",
        DefaultValueFactory = _ => ".",
    };

    private static readonly Option<string?> s_consoleSocket = new("--console-socket") { Description =
        "AF_UNIX socket that gets the master of the container's terminal." };

    private static readonly Option<string?> s_pidFile = new("--pid-file") { Description =
        "File to write the process id to." };

    private static readonly Option<bool> s_noPivot = new("--no-pivot") { Description =
        "Ignored: the root of the sandbox is no mount of the host." };

    private static readonly Option<bool> s_noNewKeyring = new("--no-new-keyring") { Description = "Ignored." };

    private static readonly Option<bool> s_detach = new("--detach", "-d") { Description =
        "Leave the container running." };

    private static readonly Option<int> s_preserve = new("--preserve-fds") { Description =
        "Open files from 3 on to pass, this many." };

    private static readonly Argument<string> s_id = new("container-id") { Description = "Name of the container." };

    internal static Command BuildCreate()
    {
        Command command = new("create", "Create a container from an OCI bundle.") { s_bundle, s_consoleSocket,
            s_pidFile, s_noPivot, s_noNewKeyring, s_preserve, s_id };
        command.SetAction(result => Create(result));
        return command;
    }

    internal static Command BuildRun()
    {
        Command command = new("run", "Run a container from an OCI bundle.") { s_bundle, s_consoleSocket, s_pidFile,
            s_noPivot, s_noNewKeyring, s_preserve, s_detach, s_id };
        command.SetAction(Run);
        return command;
    }

    private static CreateOptions Options(ParseResult result) => new(result.GetValue(s_id)!,
        result.GetValue(s_bundle)!, result.GetValue(s_consoleSocket), result.GetValue(s_pidFile),
        Sandbox.PreservedFiles.Check(result.GetValue(s_preserve)));

    private static int Create(ParseResult result)
    {
        new Creation(GlobalFlags.Read(result), Options(result)).Create();
        return 0;
    }

    private static int Run(ParseResult result)
    {
        GlobalFlags.Values flags = GlobalFlags.Read(result);
        CreateOptions options = Options(result);
        Creation creation = new(flags, options);
        if (!result.GetValue(s_detach))
        {
            return creation.Run();
        }

        creation.Create();
        using Container container = Container.Open(flags.Root, options.Id);
        try
        {
            Starting.Start(container);
        }
        catch (Oci.UserErrorException)
        {
            container.Destroy();
            throw;
        }

        return 0;
    }
}
