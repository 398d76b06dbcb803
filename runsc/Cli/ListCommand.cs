using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Runsc.Containers;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary><c>runsc list</c>: all containers below <c>--root</c>.</summary>
internal static class ListCommand
{
    private static readonly string[] s_header = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];

    internal static Command Build()
    {
        Option<string> format = new("--format", "-f") { Description = "table or json.", DefaultValueFactory =
            _ => "table" };
        Option<bool> quiet = new("--quiet", "-q") { Description = "Ids only." };
        Command command = new("list", "List containers.") { format, quiet };
        command.SetAction(result => Run(GlobalFlags.Read(result).Root, result.GetValue(format)!,
            result.GetValue(quiet)));
        return command;
    }

    private static int Run(string root, string format, bool isQuiet)
    {
        if (format is not ("table" or "json"))
        {
            throw new UserErrorException("list: --format: " + format + " is neither table nor json");
        }

        List<Container> containers = [];
        foreach (string id in StateDirectory.List(root))
        {
            if (Container.TryOpen(root, id) is { } container)
            {
                containers.Add(container);
            }
        }

        if (isQuiet)
        {
            foreach (Container container in containers)
            {
                Output.Write(container.Id + "\n");
            }
        }
        else if (format == "json")
        {
            Output.Write(Json(containers));
        }
        else
        {
            Output.Write(Table.Format(s_header, Rows(containers)));
        }

        containers.ForEach(static container => container.Dispose());
        return 0;
    }

    private static List<string[]> Rows(List<Container> containers)
    {
        List<string[]> rows = [];
        foreach (Container container in containers)
        {
            ContainerStatus status = container.Status;
            int pid = status == ContainerStatus.Stopped ? 0 : container.State.Sentry.Pid;
            rows.Add([container.Id, pid.ToString(CultureInfo.InvariantCulture), Container.Name(status),
                container.State.Bundle, container.State.Created, container.State.Owner]);
        }

        return rows;
    }

    private static ReadOnlySpan<byte> Json(List<Container> containers)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartArray();
            foreach (Container container in containers)
            {
                container.Write(writer, container.Status);
            }

            writer.WriteEndArray();
        }

        return stream.ToArray();
    }
}
