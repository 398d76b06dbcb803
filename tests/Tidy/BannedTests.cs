using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace Tests.Tidy;

/// <summary>Things that have no place in the tree.</summary>
public sealed class BannedTests
{
    /// <summary>Spelled in two halves so that this file does not contain what it looks for.</summary>
    private static readonly string[] Unfinished =
        ["TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Exception"];

    private static readonly Regex Host = new(@"https?://[A-Za-z0-9.-]+", RegexOptions.Compiled);

    private static readonly Regex AllowedHost =
        new(@"^https?://(localhost|127\.0\.0\.1|www\.w3\.org|schemas\.microsoft\.com|[a-z.-]*example\.(com|org|net))$");

    private static readonly string[] Libraries =
        ["abi/", "hostos/", "stub/", "platform", "lisafs/", "netstack/", "ring0/", "sentry/", "gofer/"];

    /// <summary>Namespace or type, where it is banned (path prefixes), and what to use instead.</summary>
    private static readonly (string Name, string[] Folders, string Instead)[] Names =
    [
        ("System.Threading.Tasks", Libraries, "a thread of its own"),
        ("System.Linq", ["sentry/", "hostos/", "platform", "abi/"], "a loop"),
        ("System.Net", Libraries, "hostos, or the netstack's own types"),
        ("System.Diagnostics.Process", ["sentry/", "hostos/", "gofer/", "platform", "runsc/"], "hostos"),
    ];

    [Fact]
    public void Nothing_unfinished_is_left() =>
        Repository.AssertNone(TextFiles().SelectMany(path => UnfinishedViolations(path, Repository.Read(path))));

    [Fact]
    public void No_host_and_no_path_of_a_machine_is_named() =>
        Repository.AssertNone(TextFiles().SelectMany(path => MachineViolations(path, Repository.Read(path))));

    [Fact]
    public void Banned_namespaces_stay_out() => Repository.AssertClean(NameViolations);

    [Fact]
    public void Libraries_do_not_write_to_the_console() => Repository.AssertClean(ConsoleViolations);

    [Fact]
    public void Tests_are_neither_skipped_nor_asleep() => Repository.AssertClean(TestViolations);

    [Fact]
    public void The_Sentry_has_no_locks_but_ordered_ones() => Repository.AssertClean(LockViolations);

    internal static IEnumerable<Violation> UnfinishedViolations(string path, string text)
    {
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            foreach (string word in Unfinished.Where(word => Regex.IsMatch(lines[i], $@"\b{word}\b")))
            {
                yield return new(path, i + 1, $"'{word}': finish it, or say in the issue why not");
            }
        }
    }

    internal static IEnumerable<Violation> MachineViolations(string path, string text)
    {
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Contains("/wo" + "rk/"))
            {
                yield return new(path, i + 1, "a path of one machine");
            }

            foreach (Match match in Host.Matches(lines[i]))
            {
                if (!AllowedHost.IsMatch(match.Value) && !path.EndsWith(".md"))
                {
                    yield return new(path, i + 1, $"names the host {match.Value}");
                }
            }
        }
    }

    internal static IEnumerable<Violation> NameViolations(SourceFile file)
    {
        foreach ((string name, _, string instead) in Names.Where(entry => entry.Folders.Any(file.Path.StartsWith)))
        {
            foreach (SyntaxNode node in file.Root.DescendantNodes())
            {
                string used = node switch
                {
                    UsingDirectiveSyntax { Name: not null } directive => directive.Name.ToString(),
                    QualifiedNameSyntax { Parent: not (QualifiedNameSyntax or UsingDirectiveSyntax) } =>
                        node.ToString(),
                    MemberAccessExpressionSyntax { Parent: not MemberAccessExpressionSyntax } => node.ToString(),
                    _ => "",
                };
                if (used == name || used.StartsWith(name + "."))
                {
                    yield return file.At(node, $"{name} is banned here: use {instead}");
                }
            }
        }
    }

    internal static IEnumerable<Violation> ConsoleViolations(SourceFile file) =>
        Libraries.Any(file.Path.StartsWith)
            ? file.Root.DescendantNodes().OfType<MemberAccessExpressionSyntax>()
                .Where(access => access.Expression.ToString() is "Console" or "System.Console")
                .Select(access => file.At(access, "Console in a library: take a log from the composition root"))
            : [];

    internal static IEnumerable<Violation> LockViolations(SourceFile file)
    {
        if (!file.Path.StartsWith("sentry/") || file.Path.StartsWith("sentry/Sync/"))
        {
            yield break;
        }

        foreach (SyntaxNode node in file.Root.DescendantNodes())
        {
            bool isUnchecked = node switch
            {
                LockStatementSyntax => true,
                MemberAccessExpressionSyntax access => access.Expression.ToString() is "Monitor",
                VariableDeclarationSyntax variable => variable.Type.ToString() is "Lock",
                _ => false,
            };
            if (isUnchecked)
            {
                yield return file.At(node, "a lock whose order nobody checks: OrderedLock has one");
            }
        }
    }

    internal static IEnumerable<Violation> TestViolations(SourceFile file)
    {
        if (!file.Path.StartsWith("tests/"))
        {
            yield break;
        }

        foreach (SyntaxNode node in file.Root.DescendantNodes())
        {
            if (node is AttributeArgumentSyntax { NameEquals.Name.Identifier.Text: "Skip" })
            {
                yield return file.At(node, "a skipped test");
            }

            if (node is MemberAccessExpressionSyntax access && access.ToString() is "Thread.Sleep" or "Task.Delay")
            {
                yield return file.At(node, "tests wait for the thing itself, they do not sleep");
            }
        }
    }

    private static IEnumerable<string> TextFiles() =>
        Repository.Files.Where(path =>
            Regex.IsMatch(path, @"\.(cs|csproj|props|targets|sh|c|h|md|json|txt)$|(^|/)(run|Makefile)$"));
}
