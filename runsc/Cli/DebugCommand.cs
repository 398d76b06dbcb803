using System.CommandLine;
using System.Text;
using Abi.Linux;
using HostOs;
using Runsc.Boot;
using Runsc.Containers;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary><c>runsc debug</c>: looks into a running sandbox.</summary>
internal static class DebugCommand
{
    private static readonly Option<bool> s_stacks = new("--stacks") { Description =
        "Print what every task of the container does." };

    private static readonly Option<string?> s_strace = new("--strace") { Description =
        "on or off: write every system call to the debug log. With --debug-log before the command, to that file." };

    private static readonly Option<string?> s_level = new("--log-level") { Description =
        "warning, info or debug: what the debug log takes from now on." };

    private static readonly Option<bool> s_ps = new("--ps") { Description = "Print the processes, as ps does." };

    private static readonly Option<bool> s_calls = new("--calls") { Description =
        "Print how many system calls of the sandbox came in by which way." };

    private static readonly Argument<string> s_id = new("container-id") { Description = "Name of the container." };

    internal static Command Build()
    {
        Command command = new("debug", "Look into a running container.") { s_stacks, s_strace, s_level, s_ps,
            s_calls, s_id };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult result)
    {
        GlobalFlags.Values flags = GlobalFlags.Read(result);
        string? strace = result.GetValue(s_strace);
        if (strace is not (null or "on" or "off"))
        {
            throw new UserErrorException("debug: --strace: " + strace + ": neither on nor off");
        }

        LogLevel? level = ParseLevel(result.GetValue(s_level));
        bool looks = result.GetValue(s_stacks) || result.GetValue(s_ps) || result.GetValue(s_calls);
        if (strace is null && level is null && !looks)
        {
            throw new UserErrorException("debug: nothing to do; --help lists what there is");
        }

        using Container container = Container.Open(flags.Root, result.GetValue(s_id)!);
        using ControlClient client = container.Connect();
        if (strace is not null)
        {
            Trace(client, strace == "on" ? RequestKind.Trace : RequestKind.StopTrace, flags.DebugLog);
        }

        if (level is { } wanted)
        {
            client.Ask(new ControlRequest { Kind = RequestKind.SetLogLevel, Number = (int)wanted });
        }

        if (result.GetValue(s_stacks))
        {
            PrintTasks(client);
        }

        if (result.GetValue(s_calls))
        {
            string? report = client.Ask(new ControlRequest { Kind = RequestKind.Calls }).Text;
            Output.Write(Encoding.Latin1.GetBytes(report is { Length: > 0 } ? report + "\n" : "not counted\n"));
        }

        return result.GetValue(s_ps) ? PsCommand.Print(container) : 0;
    }

    private static LogLevel? ParseLevel(string? word) => word switch
    {
        null => null,
        "warning" => LogLevel.Warning,
        "info" => LogLevel.Info,
        "debug" => LogLevel.Debug,
        _ => throw new UserErrorException("debug: --log-level: " + word + ": not one of warning, info, debug"),
    };

    private static void Trace(ControlClient client, RequestKind kind, string? log)
    {
        ControlRequest request = new() { Kind = kind };
        if (log is null)
        {
            client.Ask(request);
            return;
        }

        const int Flags = HostFcntl.WriteOnly | HostFcntl.Create | HostFcntl.Append | HostFcntl.CloseOnExec;
        const int OwnerOnly = 0x180;
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, log, Flags, OwnerOnly, out int fd);
        if (errno != Errno.None)
        {
            throw new UserErrorException("--debug-log: " + log + ": " + ErrorText.Describe(errno));
        }

        using HostFd file = new(fd);
        client.Ask(request, [file.Value]);
    }

    private static void PrintTasks(ControlClient client)
    {
        ControlReply? reply = client.Ask(new ControlRequest { Kind = RequestKind.Tasks });
        while (reply is { Kind: ReplyKind.Tasks, Text: { } lines })
        {
            Output.Write(Encoding.Latin1.GetBytes(lines));
            reply = client.Receive();
        }
    }
}
