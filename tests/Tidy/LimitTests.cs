using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace Tests.Tidy;

/// <summary>Sizes and shape: what fits on a screen, and where things stand.</summary>
public sealed class LimitTests
{
    private const int FunctionLines = 70;
    private const int FileLines = 800;
    private const int LineColumns = 120;
    private const int NestingLevels = 3;
    private const int ReadmeLines = 120;
    private const int FilesWithoutReadme = 3;

    private static readonly Dictionary<string, string> RootNamespaces = new()
    {
        ["abi"] = "Abi",
        ["stub"] = "Stub",
        ["hostos"] = "HostOs",
        ["platform"] = "Platform",
        ["platform-ptrace"] = "Platform.Ptrace",
        ["platform-stubs"] = "Platform.Stubs",
        ["platform-systrap"] = "Platform.Systrap",
        ["platform-kvm"] = "Platform.Kvm",
        ["ring0"] = "Ring0",
        ["lisafs"] = "Lisafs",
        ["netstack"] = "Netstack",
        ["sentry"] = "Sentry",
        ["gofer"] = "Gofer",
        ["runsc"] = "Runsc",
        ["shim"] = "Shim",
        ["perf"] = "Perf",
        ["tests"] = "Tests",
    };

    [Fact]
    public void Functions_files_and_lines_keep_their_limits() => Repository.AssertClean(SizeViolations);

    [Fact]
    public void Functions_nest_no_deeper_than_three_levels() => Repository.AssertClean(NestingViolations);

    [Fact]
    public void Namespaces_follow_folders() => Repository.AssertClean(NamespaceViolations);

    [Fact]
    public void Every_type_has_a_summary() =>
        Repository.AssertNone(SummaryViolations(Repository.Sources.Where(file => !file.Path.StartsWith("tests/"))));

    [Fact]
    public void A_folder_with_more_than_three_sources_has_a_short_readme()
    {
        IEnumerable<string> folders = Repository.Sources.GroupBy(file => file.Folder)
            .Where(group => group.Count() > FilesWithoutReadme).Select(group => group.Key);
        Repository.AssertNone(folders.Select(folder => folder + "/README.md")
            .SelectMany(path => ReadmeViolations(path, Repository.Exists(path) ? Repository.Read(path) : null)));
    }

    [Fact]
    public void The_front_readme_is_two_pages_at_most() =>
        Repository.AssertNone(ReadmeViolations("README.md", Repository.Read("README.md")));

    internal static IEnumerable<Violation> ReadmeViolations(string path, string? text)
    {
        if (text == null)
        {
            yield return new(path, 1, $"missing: its folder has more than {FilesWithoutReadme} sources");
        }
        else if (text.Split('\n').Length > ReadmeLines)
        {
            yield return new(path, ReadmeLines, $"longer than two pages ({ReadmeLines} lines)");
        }
    }

    internal static IEnumerable<Violation> SizeViolations(SourceFile file)
    {
        if (Exemptions.Tables.ContainsKey(file.Path))
        {
            yield break;
        }

        if (file.Lines.Length - 1 > FileLines)
        {
            yield return new(file.Path, FileLines, $"file of {file.Lines.Length - 1} lines; the limit is {FileLines}");
        }

        for (int i = 0; i < file.Lines.Length; i++)
        {
            if (file.Lines[i].TrimEnd('\r').Length > LineColumns)
            {
                yield return new(file.Path, i + 1, $"line of more than {LineColumns} columns");
            }
        }

        foreach (SyntaxNode function in file.Root.DescendantNodes().Where(IsFunction))
        {
            FileLinePositionSpan span = function.SyntaxTree.GetLineSpan(function.Span);
            int lines = span.EndLinePosition.Line - span.StartLinePosition.Line + 1;
            if (lines > FunctionLines)
            {
                yield return file.At(function, $"function of {lines} lines; the limit is {FunctionLines}");
            }
        }
    }

    internal static IEnumerable<Violation> NestingViolations(SourceFile file) =>
        file.Root.DescendantNodes()
            .Where(node => IsLevel(node) && LevelOf(node) == NestingLevels + 1)
            .Select(node => file.At(node, $"nested deeper than {NestingLevels} levels"));

    internal static IEnumerable<Violation> NamespaceViolations(SourceFile file)
    {
        string[] parts = file.Folder.Split('/');
        if (!RootNamespaces.TryGetValue(parts[0], out string? root))
        {
            yield return new(file.Path, 1, $"folder '{parts[0]}' has no namespace in the tidy test's table");
            yield break;
        }

        string expected = string.Join('.', parts.Skip(1).Prepend(root));
        foreach (var space in file.Root.DescendantNodes().OfType<BaseNamespaceDeclarationSyntax>())
        {
            if (space is NamespaceDeclarationSyntax)
            {
                yield return file.At(space, "block-scoped namespace; namespaces are file-scoped");
            }

            if (space.Name.ToString() != expected)
            {
                yield return file.At(space, $"namespace {space.Name} in folder {file.Folder}: expected {expected}");
            }
        }
    }

    /// <summary>A partial type needs the summary on one of its parts; a nested type is its parent's matter.</summary>
    internal static IEnumerable<Violation> SummaryViolations(IEnumerable<SourceFile> files)
    {
        var parts = files
            .SelectMany(file => file.Root.DescendantNodes().Where(IsTopLevelType), (file, at) => (File: file, Node: at))
            .GroupBy(part => part.File.Folder + "/" + NameOf(part.Node));
        foreach (var type in parts)
        {
            if (!type.Any(part => part.Node.GetLeadingTrivia().ToFullString().Contains("<summary>")))
            {
                (SourceFile file, SyntaxNode node) = type.First();
                yield return file.At(node, $"type {NameOf(node)} has no <summary>");
            }
        }
    }

    private static bool IsTopLevelType(SyntaxNode node) =>
        node is BaseTypeDeclarationSyntax or DelegateDeclarationSyntax && node.Parent is not BaseTypeDeclarationSyntax;

    private static string NameOf(SyntaxNode node) => node switch
    {
        TypeDeclarationSyntax type => type.Identifier.Text + "`" + (type.TypeParameterList?.Parameters.Count ?? 0),
        BaseTypeDeclarationSyntax type => type.Identifier.Text,
        DelegateDeclarationSyntax type => type.Identifier.Text,
        _ => throw new ArgumentException("not a type", nameof(node)),
    };

    private static bool IsFunction(SyntaxNode node) =>
        node is BaseMethodDeclarationSyntax or AccessorDeclarationSyntax or LocalFunctionStatementSyntax
            or PropertyDeclarationSyntax { ExpressionBody: not null };

    /// <summary>What a reader must keep in mind: branches, loops and handlers. Blocks that only scope do not
    /// count.</summary>
    private static bool IsLevel(SyntaxNode node) => node switch
    {
        IfStatementSyntax => node.Parent is not ElseClauseSyntax,
        ForStatementSyntax or CommonForEachStatementSyntax or WhileStatementSyntax or DoStatementSyntax => true,
        SwitchStatementSyntax or TryStatementSyntax => true,
        _ => false,
    };

    private static int LevelOf(SyntaxNode node)
    {
        int level = 0;
        SyntaxNode? at = node;
        while (at is not (null or MemberDeclarationSyntax or LocalFunctionStatementSyntax))
        {
            level += IsLevel(at) ? 1 : 0;
            at = at.Parent;
        }

        return level;
    }
}
