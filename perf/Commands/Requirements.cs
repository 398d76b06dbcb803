using System;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.IO;

namespace Perf.Commands;

/// <summary>What a command checks before it measures, so that a mistake costs no measurement.</summary>
internal static class Requirements
{
    /// <summary>Runs have mount and process name spaces of their own (namespaces(7)).</summary>
    internal static void Root()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new UserException("only root can make the name spaces that a run is in");
        }
    }

    /// <summary>A file that is to be written at the end can be; what is there stays as it is. Null: none is wanted.
    /// </summary>
    internal static void Writable(string? path)
    {
        if (path == null)
        {
            return;
        }

        if (Directory.Exists(path))
        {
            throw new UserException($"{path}: a folder, not a file to write");
        }

        try
        {
            string probe = Path.GetFullPath(path) + ".new";
            Directory.CreateDirectory(Path.GetDirectoryName(probe)!);
            File.WriteAllText(probe, "");
            File.Delete(probe);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: {failure.Message}");
        }
    }

    /// <summary>An option that takes whole numbers from a least one on.</summary>
    internal static Option<int> AtLeast(this Option<int> option, int least)
    {
        option.Validators.Add(found => CheckLeast(found, least));
        return option;
    }

    private static void CheckLeast(OptionResult found, int least)
    {
        // What is no number has its own error.
        if (found.Tokens.Count == 1 && int.TryParse(found.Tokens[0].Value, out int number) && number < least)
        {
            found.AddError($"{found.Option.Name} {number}: at least {least}");
        }
    }
}
