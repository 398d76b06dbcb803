using System.Collections.Generic;
using System.Globalization;
using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Containers;

/// <summary>Control files of one container by name, in whichever of its directories they are.</summary>
internal sealed class CgroupFiles(List<string> directories)
{
    /// <summary>Sets a file that must take the value. The names differ between the versions.</summary>
    internal void Set(string first, string second, string value) => SetEither(first, second, value, value);

    /// <summary>As <see cref="Set"/>, with a value for each version.</summary>
    internal void SetEither(string first, string second, string secondValue, string firstValue)
    {
        (string? path, string value) = Find(first, second, secondValue, firstValue);
        Errno errno = path is null ? Errno.ENOENT : CgroupHierarchy.WriteFile(path, value);
        if (errno != Errno.None)
        {
            throw new UserErrorException((path ?? "control group file " + first) + ": cannot be set to " + value + ": "
                + ErrorText.Describe(errno))
            {
                Cause = errno,
            };
        }
    }

    /// <summary>Sets a file if it is there and takes the value.</summary>
    internal bool TrySet(string first, string? second, string? secondValue, string firstValue)
    {
        (string? path, string value) = Find(first, second, secondValue, firstValue);
        return path is not null && CgroupHierarchy.WriteFile(path, value) == Errno.None;
    }

    /// <summary>A number in a file; null when it is not there or says "max".</summary>
    internal long? Number(string name)
    {
        string? path = Locate(name);
        string text = path is null ? "" : CgroupHierarchy.ReadFile(path).Trim();
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;
    }

    /// <summary>All of a file, "" when it is not there.</summary>
    internal string Text(string name) => Locate(name) is { } path ? CgroupHierarchy.ReadFile(path) : "";

    /// <summary>The lines "name value" of a file.</summary>
    internal Dictionary<string, long> Table(string name)
    {
        Dictionary<string, long> result = [];
        string? path = Locate(name);
        foreach (string line in path is null ? [] : CgroupHierarchy.ReadFile(path).Split('\n'))
        {
            string[] words = line.Split(' ');
            if (words.Length == 2 && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture,
                out long value))
            {
                result[words[0]] = value;
            }
        }

        return result;
    }

    private (string? Path, string Value) Find(string first, string? second, string? secondValue, string firstValue)
    {
        string? path = Locate(first);
        bool isFirst = path is not null && first != second;
        if (path is null && second is not null)
        {
            path = Locate(second);
        }

        return (path, isFirst ? firstValue : secondValue ?? firstValue);
    }

    private string? Locate(string name)
    {
        foreach (string directory in directories)
        {
            if (HostUnistd.FaccessAt2(HostFcntl.AtFdCwd, directory + "/" + name, 0, 0) == Errno.None)
            {
                return directory + "/" + name;
            }
        }

        return null;
    }
}
