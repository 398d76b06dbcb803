using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Text;
using Runsc.Containers;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary>
/// <c>runsc ps</c>: the processes of a container. The table shows those inside; JSON is for engines, which look the ids
/// up on the host, and there the container has one: the Sentry.
/// </summary>
internal static class PsCommand
{
    private const long NsPerSecond = 1_000_000_000;

    private static readonly string[] s_header = ["UID", "PID", "PPID", "STAT", "RSS", "STIME", "TIME", "CMD"];

    internal static Command Build()
    {
        Argument<string[]> words = new("container-id") { Description =
            "Name of the container; options of ps(1) after it are ignored.", Arity = ArgumentArity.OneOrMore };
        Option<string> format = new("--format", "-f") { Description = "table or json.", DefaultValueFactory =
            _ => "table" };
        Command command = new("ps", "List the processes of a container.") { format, words };
        command.SetAction(result => Run(GlobalFlags.Read(result).Root, result.GetValue(words)![0],
            result.GetValue(format)!));
        return command;
    }

    private static int Run(string root, string id, string format)
    {
        if (format is not ("table" or "json"))
        {
            throw new UserErrorException("ps: --format: " + format + " is neither table nor json");
        }

        using Container container = Container.Open(root, id);
        bool isAlive = container.Status is not (ContainerStatus.Stopped or ContainerStatus.Creating);
        if (format == "json")
        {
            string pid = container.State.Sentry.Pid.ToString(CultureInfo.InvariantCulture);
            Output.Write(Encoding.ASCII.GetBytes(isAlive ? "[" + pid + "]" : "null"));
            return 0;
        }

        if (!isAlive)
        {
            Output.Write(Table.Format(s_header, []));
            return 0;
        }

        return Print(container);
    }

    /// <summary>The table of a living container's processes.</summary>
    internal static int Print(Container container)
    {
        List<string[]> rows = [];
        using ControlClient client = container.Connect();
        client.Processes().ForEach(process => rows.Add(Row(process)));
        Output.Write(Table.Format(s_header, rows));
        return 0;
    }

    private static string[] Row(ProcessEntry process)
    {
        CultureInfo plain = CultureInfo.InvariantCulture;
        const int KiB = 1024;
        DateTime started = DateTime.Now - TimeSpan.FromSeconds(process.AgeNs / NsPerSecond);
        TimeSpan cpu = TimeSpan.FromSeconds(process.CpuNs / NsPerSecond);
        return
        [
            process.Uid.ToString(plain), process.Pid.ToString(plain), process.ParentPid.ToString(plain),
            process.State, (process.ResidentBytes / KiB).ToString(plain), started.ToString("HH:mm", plain),
            cpu.ToString("hh\\:mm\\:ss", plain), process.Command,
        ];
    }
}
