using System;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Runsc.Containers;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary><c>runsc usage</c>: the memory of a running container, by purpose, in bytes.</summary>
internal static class UsageCommand
{
    private static readonly Option<string> s_format = new("--format", "-f") { Description = "table or json.",
        DefaultValueFactory = _ => "table" };

    private static readonly Argument<string> s_id = new("container-id") { Description = "Name of the container." };

    internal static Command Build()
    {
        Command command = new("usage", "Print what memory a container uses.") { s_format, s_id };
        command.SetAction(result => Run(GlobalFlags.Read(result).Root, result.GetValue(s_id)!,
            result.GetValue(s_format)!));
        return command;
    }

    private static int Run(string root, string id, string format)
    {
        if (format is not ("table" or "json"))
        {
            throw new UserErrorException("usage: --format: " + format + " is neither table nor json");
        }

        using Container container = Container.Open(root, id);
        using ControlClient client = container.Connect();
        SandboxStatistics now = client.Ask(new ControlRequest { Kind = RequestKind.Statistics }).Statistics!;
        (string Name, long Bytes)[] uses =
        [
            ("anonymous", now.AnonymousBytes), ("shared", now.SharedBytes), ("pageCache", now.PageCacheBytes),
            ("kernel", now.KernelBytes), ("used", now.MemoryBytes), ("limit", now.MemoryLimitBytes),
            ("sentryResident", Resident(container.State.Sentry.Pid)),
            ("goferResident", Resident(container.State.Gofer.Pid)),
        ];
        if (format == "json")
        {
            using MemoryStream stream = new();
            using (Utf8JsonWriter writer = new(stream))
            {
                writer.WriteStartObject();
                Array.ForEach(uses, use => writer.WriteNumber(use.Name, use.Bytes));
                writer.WriteEndObject();
            }

            Output.Write(stream.ToArray());
            return 0;
        }

        Output.Write(Table.Format(["WHAT", "BYTES"], [.. Array.ConvertAll(uses, use => (string[])[use.Name,
            use.Bytes.ToString(CultureInfo.InvariantCulture)])]));
        return 0;
    }

    /// <summary>VmRSS of a process of the host (proc(5)); 0 when there is none.</summary>
    private static long Resident(int pid)
    {
        const string Label = "VmRSS:";
        const int KiB = 1024;
        string status = CgroupHierarchy.ReadFile("/proc/" + pid.ToString(CultureInfo.InvariantCulture) + "/status");
        foreach (string line in status.Split('\n'))
        {
            string number = line.StartsWith(Label, StringComparison.Ordinal)
                ? line[Label.Length..].Replace("kB", "", StringComparison.Ordinal).Trim() : "";
            if (long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long value))
            {
                return value * KiB;
            }
        }

        return 0;
    }
}
