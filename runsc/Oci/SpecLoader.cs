using System;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Abi.Linux;
using HostOs;
using Runsc.Cli;

namespace Runsc.Oci;

/// <summary>Reads and checks <c>config.json</c> of a bundle. Every rejection is one line that names the file and the
/// member.</summary>
internal static class SpecLoader
{
    /// <summary>A configuration larger than this is refused unread.</summary>
    private const int MaxBytes = 16 << 20;

    private const int MaxStreamBytes = 1 << 20;

    /// <summary>Loads the configuration of the bundle directory.</summary>
    internal static Spec Load(string bundle)
    {
        string file = bundle + "/config.json";
        return Parse(file, Read(file));
    }

    /// <summary>Loads a file that holds the member "process" of a configuration.</summary>
    internal static ProcessSpec LoadProcess(string file)
    {
        byte[] text = Read(file);
        ProcessSpec process = SpecReader.ReadProcess(text) ?? Deserialize(file, text, SpecJson.Default.ProcessSpec);
        new SpecChecks(file, new Spec()).CheckProcess(process);
        return process;
    }

    /// <summary>Loads a file that holds the member "linux.resources" of a configuration.</summary>
    internal static ResourcesSpec LoadResources(string file)
    {
        ResourcesSpec resources = Deserialize(file, Read(file, FileKind.Any), SpecJson.Default.ResourcesSpec);
        new SpecChecks(file, new Spec()).CheckResources(resources);
        return resources;
    }

    private static byte[] Read(string file, FileKind kind = FileKind.Regular)
    {
        const int Flags = HostFcntl.ReadOnly | HostFcntl.CloseOnExec | HostFcntl.NonBlock | HostFcntl.NoCtty;
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, file, Flags, 0, out int opened);
        if (errno != Errno.None)
        {
            throw new UserErrorException(file + ": " + ErrorText.Describe(errno));
        }

        using HostFd fd = new(opened);
        errno = HostStat.Fstat(fd.Value, out Stat stat);
        bool isRegular = (stat.st_mode & StatMode.S_IFMT) == StatMode.S_IFREG;
        if (errno == Errno.None && !isRegular && kind == FileKind.Any)
        {
            return ReadStream(file, fd.Value);
        }

        if (errno != Errno.None || !isRegular)
        {
            throw new UserErrorException(file + ": not a regular file");
        }

        if (stat.st_size > MaxBytes)
        {
            throw new UserErrorException(file + ": larger than " + MaxBytes + " bytes");
        }

        byte[] text = new byte[stat.st_size];
        errno = HostUnistd.ReadAll(fd.Value, text, out int done);
        return errno == Errno.None ? text[..done]
            : throw new UserErrorException(file + ": " + ErrorText.Describe(errno));
    }

    /// <summary>A pipe to its end.</summary>
    private static byte[] ReadStream(string file, int fd)
    {
        byte[] text = new byte[MaxStreamBytes];
        HostFcntl.Fcntl(fd, HostFcntl.SetFl, 0, out _);
        Errno errno = HostUnistd.ReadAll(fd, text, out int done);
        return errno == Errno.None && done < text.Length ? text[..done]
            : throw new UserErrorException(file + ": " + ErrorText.Describe(errno == Errno.None ? Errno.E2BIG : errno));
    }

    private enum FileKind
    {
        Regular,
        Any,
    }

    /// <summary>Parses and checks the bytes of a configuration; throws nothing but
    /// <see cref="UserErrorException"/>.</summary>
    internal static Spec Parse(string file, ReadOnlySpan<byte> text)
    {
        Spec spec = SpecReader.Read(text) ?? Deserialize(file, text, SpecJson.Default.Spec);
        new SpecChecks(file, spec).Check();
        return spec;
    }

    private static T Deserialize<T>(string file, ReadOnlySpan<byte> text, JsonTypeInfo<T> type)
        where T : class
    {
        ReadOnlySpan<byte> byteOrderMark = [0xEF, 0xBB, 0xBF];
        text = text.StartsWith(byteOrderMark) ? text[byteOrderMark.Length..] : text;
        if (text.IsEmpty)
        {
            throw new UserErrorException(file + ": is empty");
        }

        try
        {
            return JsonSerializer.Deserialize(text, type)
                ?? throw new UserErrorException(file + ": $: null is not a configuration");
        }
        catch (JsonException e)
        {
            string where = e.Path is { Length: > 0 } path ? ByteStrings.FromText(path) : "$";
            throw new UserErrorException(file + ": " + where + ": not valid JSON of the OCI schema" + Expectation(e)
                + " (line " + (e.LineNumber + 1) + ")");
        }
    }

    /// <summary>What should stand there, from the type that the exception's text names; "" when it names
    /// none.</summary>
    private static string Expectation(JsonException e)
    {
        string[] roots = ["System.", "Runsc.Oci."];
        int at = Array.ConvertAll(roots, root => e.Message.IndexOf(root, StringComparison.Ordinal)) switch
        {
            [< 0, int own] => own,
            [int system, < 0] => system,
            [int system, int own] => Math.Min(system, own),
            _ => -1,
        };
        if (at < 0)
        {
            return "";
        }

        string type = e.Message[at..];
        string[] kinds = ["Collections.Generic.List", "Collections.Generic.Dictionary", "Runsc.Oci.", "System.String",
            "System.Boolean", "System.Nullable`1[System.Boolean"];
        string[] names = ["a list", "an object", "an object", "a string", "true or false", "true or false"];
        int kind = Array.FindIndex(kinds, start => type.StartsWith(start, StringComparison.Ordinal)
            || type.StartsWith("System." + start, StringComparison.Ordinal));
        return ": expected " + (kind < 0 ? "a number in its range" : names[kind]);
    }
}
