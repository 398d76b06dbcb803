using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

namespace Perf.Suites;

/// <summary>What a variant's figure depends on besides the runtime, in a few digits: its command, how its output is
/// read, the files of its job, and the source of our own program that it runs. Figures of two definitions are not
/// compared.</summary>
internal static class Definition
{
    private const int Shown = 12;
    private const string ToolsInside = "/tools/";

    /// <summary>The beginning of a SHA-256 in hexadecimal.</summary>
    internal static string Of(Layout layout, Variant variant)
    {
        Job job = variant.Job;
        StringBuilder text = new();
        foreach (string word in (string[])
            [$"{job.Measure}", job.Parser, variant.Metric, $"{job.Repeat}", .. variant.Command])
        {
            text.Append(word).Append('\0');
        }

        text.Append(variant.Cache == PageCache.Cold ? "cold\0" : "");

        foreach (string path in Files(layout, variant))
        {
            text.Append(Path.GetFileName(path)).Append(' ');
            text.Append(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))).Append('\0');
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..Shown];
    }

    private static IEnumerable<string> Files(Layout layout, Variant variant)
    {
        string folder = variant.Job.Folder;
        IEnumerable<string> own = Directory.Exists(folder)
            ? Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
                .Where(path => Path.GetFileName(path) != JobFile.FileName).Order(StringComparer.Ordinal)
            : [];
        return own.Concat(variant.Command
            .Where(word => word.StartsWith(ToolsInside, StringComparison.Ordinal))
            .Select(word => Path.Combine(layout.Top, "perf", "guest", word[ToolsInside.Length..] + ".c"))
            .Where(File.Exists));
    }
}
