using System;
using System.Text.Json;
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

    /// <summary>Loads the configuration of the bundle directory.</summary>
    internal static Spec Load(string bundle)
    {
        string file = bundle + "/config.json";
        const int Flags = HostFcntl.ReadOnly | HostFcntl.CloseOnExec | HostFcntl.NonBlock | HostFcntl.NoCtty;
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, file, Flags, 0, out int opened);
        if (errno != Errno.None)
        {
            throw new UserErrorException(file + ": " + ErrorText.Describe(errno));
        }

        using HostFd fd = new(opened);
        errno = HostStat.Fstat(fd.Value, out Stat stat);
        if (errno != Errno.None || (stat.st_mode & StatMode.S_IFMT) != StatMode.S_IFREG)
        {
            throw new UserErrorException(file + ": not a regular file");
        }

        if (stat.st_size > MaxBytes)
        {
            throw new UserErrorException(file + ": larger than " + MaxBytes + " bytes");
        }

        byte[] text = new byte[stat.st_size];
        errno = HostUnistd.ReadAll(fd.Value, text, out int done);
        return errno == Errno.None
            ? Parse(file, text.AsSpan(0, done))
            : throw new UserErrorException(file + ": " + ErrorText.Describe(errno));
    }

    /// <summary>Parses and checks the bytes of a configuration; throws nothing but
    /// <see cref="UserErrorException"/>.</summary>
    internal static Spec Parse(string file, ReadOnlySpan<byte> text)
    {
        Spec? spec;
        try
        {
            spec = JsonSerializer.Deserialize(text, SpecJson.Default.Spec);
        }
        catch (JsonException e)
        {
            string where = e.Path is { Length: > 0 } path ? ByteStrings.FromText(path) : "$";
            throw new UserErrorException(file + ": " + where + ": not valid JSON of the OCI schema (line "
                + (e.LineNumber + 1) + ")");
        }

        if (spec is null)
        {
            throw new UserErrorException(file + ": $: null is not a configuration");
        }

        new SpecChecks(file, spec).Check();
        return spec;
    }
}
