using System.CommandLine;
using System.IO;
using System.Text.Json;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary><c>runsc features</c>: what is implemented, for engines (runtime-spec, features.md).</summary>
internal static class FeaturesCommand
{
    internal static Command Build()
    {
        Command command = new("features", "Print the features of the runtime as JSON.");
        command.SetAction(_ =>
        {
            using MemoryStream stream = new();
            using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true }))
            {
                Write(writer);
            }

            Output.Write(stream.ToArray());
            return 0;
        });
        return command;
    }

    private static void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("ociVersionMin", "1.0.0");
        writer.WriteString("ociVersionMax", "1.2.0");
        WriteList(writer, "hooks", ["prestart", "createRuntime", "createContainer", "startContainer",
            "poststart", "poststop"]);
        WriteList(writer, "mountOptions", MountOptions.Names());
        writer.WriteStartObject("linux");
        WriteList(writer, "namespaces", ["cgroup", "ipc", "mount", "network", "pid", "user", "uts", "time"]);
        WriteList(writer, "capabilities", Capabilities.Names());
        writer.WriteStartObject("cgroup");
        writer.WriteBoolean("v1", true);
        writer.WriteBoolean("v2", true);
        writer.WriteBoolean("systemd", true);
        writer.WriteBoolean("systemdUser", false);
        writer.WriteEndObject();
        WriteSeccomp(writer);
        foreach (string absent in (string[])["apparmor", "selinux", "intelRdt"])
        {
            writer.WriteStartObject(absent);
            writer.WriteBoolean("enabled", false);
            writer.WriteEndObject();
        }

        writer.WriteStartObject("mountExtensions");
        writer.WriteStartObject("idmap");
        writer.WriteBoolean("enabled", false);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteStartObject("annotations");
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>Profiles hold with <c>--oci-seccomp</c>.</summary>
    private static void WriteSeccomp(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("seccomp");
        writer.WriteBoolean("enabled", true);
        WriteList(writer, "actions", SeccompCompiler.ActionNames());
        WriteList(writer, "operators", SeccompCompiler.OperatorNames());
        WriteList(writer, "archs", ["SCMP_ARCH_X86_64"]);
        writer.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter writer, string name, string[] words)
    {
        writer.WriteStartArray(name);
        foreach (string word in words)
        {
            writer.WriteStringValue(word);
        }

        writer.WriteEndArray();
    }
}
