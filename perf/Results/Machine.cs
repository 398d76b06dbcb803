using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Perf.Runtimes;

namespace Perf.Results;

/// <summary>The machine as it was when a run began.</summary>
internal sealed record Machine
{
    public required string Processor { get; init; }

    public required int Processors { get; init; }

    public required long MemoryMib { get; init; }

    public required string Kernel { get; init; }

    public required string Distribution { get; init; }

    /// <summary>Of the first processor's frequency; "none" where the machine does not show one.</summary>
    public required string Governor { get; init; }

    /// <summary>Whether this machine is a guest of a hypervisor itself.</summary>
    public required bool Virtual { get; init; }

    /// <summary>"none", "hardware" or "without hardware support" (the processor shows neither vmx nor svm, and yet
    /// there is a /dev/kvm).</summary>
    public required string Kvm { get; init; }

    /// <summary>Load average over the minute before.</summary>
    public required double Load { get; init; }

    internal static Machine Describe()
    {
        string cpuInfo = File.ReadAllText("/proc/cpuinfo");
        string flags = " " + Field(cpuInfo, "flags") + " ";
        bool hardware = flags.Contains(" svm ") || flags.Contains(" vmx ");
        return new()
        {
            Processor = Field(cpuInfo, "model name"),
            Processors = Environment.ProcessorCount,
            MemoryMib = Memory("MemTotal") / 1024,
            Kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
            Distribution = Distro(),
            Governor = Read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") ?? "none",
            Virtual = flags.Contains(" hypervisor "),
            Kvm = !File.Exists("/dev/kvm") ? "none" : hardware ? "hardware" : "without hardware support",
            Load = LoadAverage(),
        };
    }

    /// <summary>In what two machines differ, in words; not in load, which each run has its own of.</summary>
    internal static IEnumerable<string> Differences(Machine before, Machine after)
    {
        (string Name, object Before, object After)[] all =
        [
            ("processor", before.Processor, after.Processor),
            ("processors", before.Processors, after.Processors),
            ("MiB of memory", before.MemoryMib, after.MemoryMib),
            ("kernel", before.Kernel, after.Kernel),
            ("distribution", before.Distribution, after.Distribution),
            ("governor", before.Governor, after.Governor),
            ("hypervisor", before.Virtual, after.Virtual),
            ("KVM", before.Kvm, after.Kvm),
        ];
        return all.Where(each => !each.Before.Equals(each.After)).Select(each => string.Create(
            CultureInfo.InvariantCulture, $"{each.Name}: {each.Before} before, {each.After} after"));
    }

    internal static double LoadAverage() =>
        double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);

    /// <summary>A field of /proc/meminfo, in KiB.</summary>
    internal static long Memory(string field) =>
        long.Parse(Field(File.ReadAllText("/proc/meminfo"), field).Split(' ')[0], CultureInfo.InvariantCulture);

    /// <summary>The checkout's commit, with "+" where tracked files differ from it.</summary>
    internal static string Commit(string top)
    {
        ProcessResult commit = Git(top, "rev-parse", "--short=12", "HEAD");
        ProcessResult changes = Git(top, "status", "--porcelain", "--untracked-files=no");
        return commit.Status == 0 ? commit.Output.Trim() + (changes.Output.Length > 0 ? "+" : "") : "unknown";
    }

    private static ProcessResult Git(string top, params string[] words) =>
        Processes.Run(["git", "-C", top, .. words], TimeSpan.FromSeconds(20));

    private static string Distro() => (Read("/etc/os-release") ?? "").Split('\n')
        .FirstOrDefault(line => line.StartsWith("PRETTY_NAME=", StringComparison.Ordinal))?[12..].Trim(
            '"') ?? "unknown";

    private static string? Read(string path) => File.Exists(path) ? File.ReadAllText(path).Trim() : null;

    private static string Field(string text, string name) => text.Split('\n')
        .Where(line => line.StartsWith(name, StringComparison.Ordinal)
            && line[name.Length..].TrimStart().StartsWith(':'))
        .Select(line => line[(line.IndexOf(':') + 1)..].Trim()).FirstOrDefault() ?? "";
}
