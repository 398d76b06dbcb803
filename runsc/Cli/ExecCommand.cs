using System.CommandLine;
using Runsc.Containers;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary><c>runsc exec</c>: runs another process in a container.</summary>
internal static class ExecCommand
{
    internal const string Name = "exec";

    private static readonly Option<string?> s_process = new("--process", "-p") { Description =
        "File with the process as config.json has it." };

    private static readonly Option<bool> s_terminal = new("--tty", "-t") { Description = "Give it a terminal." };

    private static readonly Option<bool> s_detach = new("--detach", "-d") { Description = "Do not wait for it." };

    private static readonly Option<string?> s_user = new("--user", "-u") { Description = "UID[:GID]." };

    private static readonly Option<string[]> s_caps = new("--cap", "-c") { Description =
        "Capability to add; may be repeated.", AllowMultipleArgumentsPerToken = false };

    private static readonly Option<string[]> s_env = new("--env", "-e") { Description =
        "NAME=VALUE to set; may be repeated.", AllowMultipleArgumentsPerToken = false };

    private static readonly Option<string?> s_cwd = new("--cwd") { Description = "Working directory inside." };

    private static readonly Option<string?> s_consoleSocket = new("--console-socket") { Description =
        "AF_UNIX socket that gets the master of its terminal." };

    private static readonly Option<string?> s_pidFile = new("--pid-file") { Description =
        "File for the id of the process of the host that stands for it." };

    private static readonly Option<string?> s_internalPidFile = new("--internal-pid-file") { Description =
        "File for its process id inside." };

    private static readonly Option<uint[]> s_groups = new("--additional-gids", "-g") { Description =
        "Group to add; may be repeated.", AllowMultipleArgumentsPerToken = false };

    private static readonly Option<bool> s_noNewPrivileges = new("--no-new-privs") { Description =
        "No privileges by execve." };

    private static readonly Option<int> s_preserve = new("--preserve-fds") { Description =
        "Open files from 3 on to pass, this many." };

    private static readonly Option<bool> s_ignorePaused = new("--ignore-paused") { Description =
        "Exec in a paused container too: it runs when that is resumed." };

    private static readonly Argument<string[]> s_words = new("container-id") { Description =
        "Name of the container, then the command and its arguments.", Arity = ArgumentArity.OneOrMore };

    internal static Command Build()
    {
        Command command = new(Name, "Run another process in a container.") { s_process, s_terminal, s_detach, s_user,
            s_caps, s_env, s_cwd, s_consoleSocket, s_pidFile, s_internalPidFile, s_groups, s_noNewPrivileges,
            s_preserve, s_ignorePaused, s_words };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult result)
    {
        const int ExecFailed = 255;
        try
        {
            string[] words = PassThrough.GuestWords;
            using Container container = Container.Open(GlobalFlags.Read(result).Root, words[0]);
            ExecOptions options = new()
            {
                Command = words[1..],
                ProcessFile = result.GetValue(s_process),
                HasTerminal = result.GetValue(s_terminal),
                User = result.GetValue(s_user),
                Capabilities = result.GetValue(s_caps) ?? [],
                Environment = result.GetValue(s_env) ?? [],
                WorkingDirectory = result.GetValue(s_cwd),
                ConsoleSocket = result.GetValue(s_consoleSocket),
                PidFile = result.GetValue(s_pidFile),
                InternalPidFile = result.GetValue(s_internalPidFile),
                Groups = result.GetValue(s_groups) ?? [],
                Preserved = Sandbox.PreservedFiles.Check(result.GetValue(s_preserve)),
                NoNewPrivileges = result.GetValue(s_noNewPrivileges),
                IgnoresPause = result.GetValue(s_ignorePaused),
            };
            Execution execution = new(container, options);
            return result.GetValue(s_detach) ? execution.Detach() : execution.Run();
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException("exec failed: " + e.Message, ExecFailed);
        }
    }
}
