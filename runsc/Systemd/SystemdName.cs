using System;
using Runsc.Oci;

namespace Runsc.Systemd;

/// <summary>What slice:prefix:name of linux.cgroupsPath stands for.</summary>
/// <param name="Slice">The unit above.</param>
/// <param name="Unit">The unit of the container: a scope, or a slice if its name says so.</param>
internal sealed record SystemdName(string Slice, string Unit)
{
    private const string Suffix = ".slice";

    /// <summary>True when the unit is a slice, which has no processes of its own.</summary>
    internal bool IsSlice => Unit.EndsWith(Suffix, StringComparison.Ordinal);

    /// <summary>Reads a name; what is none is a user error.</summary>
    internal static SystemdName Parse(string given)
    {
        string[] parts = given.Split(':');
        if (parts.Length != 3 || parts[2].Length == 0 || given.Contains('/', StringComparison.Ordinal))
        {
            throw new UserErrorException("linux.cgroupsPath: " + given + ": expected slice:prefix:name");
        }

        string unit = parts[2].EndsWith(Suffix, StringComparison.Ordinal) ? parts[2]
            : (parts[1].Length > 0 ? parts[1] + "-" : "") + parts[2] + ".scope";
        return new SystemdName(parts[0].Length == 0 ? "system.slice" : parts[0], unit);
    }

    /// <summary>Where systemd puts it in a hierarchy: each dash of a slice is a level (systemd.slice(5)).</summary>
    internal string Path()
    {
        string name = Slice.EndsWith(Suffix, StringComparison.Ordinal) ? Slice[..^Suffix.Length] : Slice;
        string path = "";
        for (int dash = name.IndexOf('-'); dash > 0; dash = name.IndexOf('-', dash + 1))
        {
            path += "/" + name[..dash] + Suffix;
        }

        path += name == "-" ? "" : "/" + name + Suffix;
        return path + "/" + Unit;
    }
}
