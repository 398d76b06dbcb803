using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Xml.Linq;
using Xunit;

namespace Tests.Tidy;

/// <summary>Who may reference whom: the picture of docs/ARCHITECTURE.md, "Dependency rules".</summary>
public sealed class DependencyTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["abi"] = [],
        ["netstack"] = [],
        ["stub"] = ["abi"],
        ["lisafs"] = ["abi"],
        ["ring0"] = ["abi"],
        ["shim"] = ["hostos", "abi"],
        ["hostos"] = ["stub", "abi"],
        ["platform"] = ["hostos", "abi"],
        ["platform-kvm"] = ["platform", "ring0", "hostos", "abi"],
        ["platform-stubs"] = ["platform", "stub", "hostos", "abi"],
        ["platform-systrap"] = ["platform", "platform-stubs", "stub", "hostos", "abi"],
        ["platform-ptrace"] = ["platform", "platform-stubs", "stub", "hostos", "abi"],
        ["gofer"] = ["lisafs", "hostos", "abi"],
        ["sentry"] = ["platform", "netstack", "lisafs", "stub", "hostos", "abi"],
        ["runsc"] = 
        [
            "sentry", "gofer", "platform-kvm", "platform-systrap", "platform-ptrace", "platform", "lisafs", "stub",
            "hostos", "abi",
        ],
    };

    private static readonly Dictionary<string, string[]> Packages = new()
    {
        ["stub"] = ["Iced"],
        ["ring0"] = ["Iced"],
        ["runsc"] = ["System.CommandLine"],
        ["shim"] = ["Google.Protobuf", "Grpc.Tools"],
    };

    [Fact]
    public void Project_references_follow_the_dependency_rules() =>
        Repository.AssertNone(Repository.Projects.SelectMany(path => ReferenceViolations(path, Repository.Read(path))));

    [Fact]
    public void Packages_are_those_the_architecture_names_and_versions_are_central() =>
        Repository.AssertNone(Repository.Projects.SelectMany(path => PackageViolations(path, Repository.Read(path))));

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        string solution = Repository.Read("Perf.sln").Replace('\\', '/');
        Repository.AssertNone(Repository.Projects
            .Where(path => !solution.Contains($"\"{path}\""))
            .Select(path => new Violation(path, 1, "not in Perf.sln")));
    }

    [Fact]
    public void Target_frameworks_come_from_the_two_central_properties() =>
        Repository.AssertNone(Repository.Projects.SelectMany(path => FrameworkViolations(path, Repository.Read(path))));

    internal static IEnumerable<Violation> ReferenceViolations(string path, string text)
    {
        string from = path.Split('/')[0];
        foreach (string include in Includes(text, "ProjectReference"))
        {
            string full = Path.GetFullPath(Path.Combine("/", Path.GetDirectoryName(path)!, include));
            string target = Path.GetRelativePath("/", full);
            string to = target.Split('/')[0];
            if (from != to && (to == "tests" || (to == "perf" && from != "tests")))
            {
                yield return new(path, 1, $"references {target}: nothing references tests, and only tests perf");
            }
            else if (from is not ("tests" or "perf") && !IsAllowed(from, to))
            {
                yield return new(path, 1, $"references {to}: '{from} -> {to}' is not an allowed edge");
            }
        }
    }

    internal static IEnumerable<Violation> PackageViolations(string path, string text)
    {
        string from = path.Split('/')[0];
        foreach (XElement item in XDocument.Parse(text).Descendants("PackageReference"))
        {
            string name = (string?)item.Attribute("Include") ?? "";
            if (item.Attribute("Version") != null || item.Attribute("VersionOverride") != null)
            {
                yield return new(path, 1, $"names a version of {name}: versions are central");
            }

            bool analyzer = name.EndsWith("Analyzers") || name.EndsWith("Analyzer");
            bool listed = Packages.TryGetValue(from, out string[]? list) && list.Contains(name);
            if (from is not ("tests" or "perf") && !listed && !analyzer)
            {
                yield return new(path, 1, $"uses package {name}, which '{from}' may not");
            }
        }
    }

    internal static IEnumerable<Violation> FrameworkViolations(string path, string text)
    {
        XDocument project = XDocument.Parse(text);
        string[] elements = ["TargetFramework", "TargetFrameworks"];
        foreach (XElement item in elements.SelectMany(element => project.Descendants(element)))
        {
            if (item.Value is not ("$(RuntimeTargetFramework)" or "$(ToolTargetFramework)"))
            {
                yield return new(path, 1, $"target framework '{item.Value}' is not one of the central properties");
            }
        }
    }

    private static IEnumerable<string> Includes(string text, string element) =>
        XDocument.Parse(text).Descendants(element)
            .Select(item => ((string?)item.Attribute("Include") ?? "").Replace('\\', '/'));

    private static bool IsAllowed(string from, string to) =>
        Allowed.TryGetValue(from, out string[]? list) && list.Contains(to);
}
