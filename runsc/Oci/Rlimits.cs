using System;
using System.Collections.Generic;
using Runsc.Cli;

namespace Runsc.Oci;

/// <summary>Resource-limit names of getrlimit(2) and their numbers (include/uapi/asm-generic/resource.h).</summary>
internal static class Rlimits
{
    private static readonly string[] s_names =
    [
        "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING",
        "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
    ];

    /// <summary>Descriptors that every process begins with.</summary>
    private const ulong LeastFiles = 3;

    /// <summary>RLIMIT_* number, or -1.</summary>
    internal static int Number(string? name) =>
        name is not null && name.StartsWith("RLIMIT_", StringComparison.Ordinal) ? Array.IndexOf(s_names, name[7..])
            : -1;

    /// <summary>Rejects unknown names, duplicates and soft limits above hard ones.</summary>
    internal static void Check(string file, List<RlimitSpec>? limits)
    {
        HashSet<string> seen = [];
        foreach (RlimitSpec limit in limits ?? [])
        {
            string name = limit?.Type ?? "null";
            if (Number(name) < 0)
            {
                throw new UserErrorException(file + ": process.rlimits: unknown type " + ByteStrings.FromText(name));
            }

            if (!seen.Add(name))
            {
                throw new UserErrorException(file + ": process.rlimits: " + name + " is given twice");
            }

            if (name == "RLIMIT_NOFILE" && limit!.Soft < LeastFiles)
            {
                throw new UserErrorException(file + ": process.rlimits: RLIMIT_NOFILE of " + limit.Soft
                    + " leaves no room for standard input, output and error");
            }

            if (limit!.Soft > limit.Hard)
            {
                throw new UserErrorException(file + ": process.rlimits: soft limit of " + name
                    + " is above the hard limit");
            }
        }
    }
}
