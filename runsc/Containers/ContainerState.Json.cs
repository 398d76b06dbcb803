using System;
using System.Collections.Generic;
using System.Text.Json;
using Runsc.Sandbox;

namespace Runsc.Containers;

/// <summary>The text of a state file, as the serializer <see cref="StateJson"/> writes and reads it: by hand, but for
/// states with hooks or a unit of systemd.</summary>
internal sealed partial class ContainerState
{
    private const string PidName = "pid";
    private const string StartName = "startTicks";

    /// <summary>By value.</summary>
    private static readonly string[] s_statuses = ["Creating", "Created", "Running", "Paused", "Stopped"];

    internal byte[] ToJson() => Hooks is not null || Unit is not null
        ? JsonSerializer.SerializeToUtf8Bytes(this, StateJson.Default.ContainerState)
        : JsonFields.Write(writer =>
        {
            writer.WriteString("id", Id);
            writer.WriteString("ociVersion", OciVersion);
            writer.WriteString("status", s_statuses[(int)Status]);
            Write(writer, "sandbox", Sandbox);
            Write(writer, "sentry", Sentry);
            Write(writer, "gofer", Gofer);
            Write(writer, "maker", Maker);
            Write(writer, "bell", Bell);
            writer.WriteString("bundle", Bundle);
            writer.WriteString("rootfs", Rootfs);
            writer.WriteString("created", Created);
            writer.WriteString("owner", Owner);
            Write(writer, Annotations);
            writer.WriteBoolean("isForeground", IsForeground);
            writer.WriteStartArray("cgroups");
            foreach (string directory in Cgroups)
            {
                writer.WriteStringValue(directory);
            }

            writer.WriteEndArray();
        });

    /// <summary>The state that the bytes are; null when they are none.</summary>
    internal static ContainerState? Parse(ReadOnlySpan<byte> bytes)
    {
        bool hasHooks = false;
        ContainerState? result = JsonFields.Read(bytes, fields =>
        {
            hasHooks = fields.Has("hooks") || fields.Has("unit");
            return Read(fields);
        });
        return hasHooks ? Packets.Parse(bytes, StateJson.Default.ContainerState) : result;
    }

    private static ContainerState Read(JsonFields fields)
    {
        int status = Array.IndexOf(s_statuses, fields.Text("status") ?? s_statuses[0]);
        return new ContainerState
        {
            Id = fields.Text("id") ?? "",
            OciVersion = fields.Text("ociVersion") ?? "",
            Status = fields.Expect(status >= 0) ? (ContainerStatus)status : default,
            Sandbox = fields.Text("sandbox"),
            Sentry = ReadProcess(fields, "sentry"),
            Gofer = ReadProcess(fields, "gofer"),
            Maker = ReadProcess(fields, "maker"),
            Bell = ReadProcess(fields, "bell"),
            Bundle = fields.Text("bundle") ?? "",
            Rootfs = fields.Text("rootfs") ?? "",
            Created = fields.Text("created") ?? "",
            Owner = fields.Text("owner") ?? "",
            Annotations = fields.Map("annotations"),
            IsForeground = fields.Flag("isForeground"),
            Cgroups = fields.Texts("cgroups") ?? [],
        };
    }

    private static void Write(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
        {
            writer.WriteString(name, value);
        }
    }

    private static void Write(Utf8JsonWriter writer, string name, HostProcess process)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber(PidName, process.Pid);
        writer.WriteNumber(StartName, process.StartTicks);
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, Dictionary<string, string>? annotations)
    {
        if (annotations is null)
        {
            return;
        }

        writer.WriteStartObject("annotations");
        foreach ((string key, string value) in annotations)
        {
            writer.WriteString(key, value);
        }

        writer.WriteEndObject();
    }

    private static HostProcess ReadProcess(JsonFields fields, string name) =>
        fields.Object(name) is { } process ? new HostProcess(process.Int(PidName), process.Unsigned(StartName))
            : default;
}
