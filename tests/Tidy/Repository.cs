using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace Tests.Tidy;

/// <summary>One broken rule at one place.</summary>
internal sealed record Violation(string Path, int Line, string Message)
{
    public override string ToString() => $"{Path}:{Line}: {Message}";
}

/// <summary>A C# source with its syntax tree; <see cref="Path"/> is relative to the repository, with '/'
/// separators.</summary>
internal sealed class SourceFile
{
    public SourceFile(string path, string text)
    {
        Path = path;
        Text = text;
        Lines = text.Split('\n');
        Root = CSharpSyntaxTree.ParseText(text, new CSharpParseOptions(LanguageVersion.Preview)).GetRoot();
    }

    public string Path { get; }

    public string Text { get; }

    public string[] Lines { get; }

    public SyntaxNode Root { get; }

    public string Folder => Path.Contains('/') ? Path[..Path.LastIndexOf('/')] : "";

    public string Name => Path[(Path.LastIndexOf('/') + 1)..];

    public Violation At(SyntaxNode node, string message) => new(Path, LineOf(node.SpanStart), message);

    public Violation At(SyntaxToken token, string message) => new(Path, LineOf(token.SpanStart), message);

    public int LineOf(int position) => Root.SyntaxTree.GetLineSpan(new(position, 0)).StartLinePosition.Line + 1;
}

/// <summary>The checkout: its root is the nearest folder above the test's output that holds Perf.sln.</summary>
internal static class Repository
{
    private static readonly HashSet<string> SkippedFolders =
        ["bin", "obj", ".cache", ".git", "artifacts", "TestResults"];

    public static string Root { get; } = FindRoot();

    public static IReadOnlyList<string> Files { get; } = ListFiles();

    public static IReadOnlyList<SourceFile> Sources { get; } =
        [.. Files.Where(file => file.EndsWith(".cs")).Select(file => new SourceFile(file, Read(file)))];

    public static IReadOnlyList<string> Projects { get; } = [.. Files.Where(file => file.EndsWith(".csproj"))];

    public static string Read(string path) => File.ReadAllText(System.IO.Path.Combine(Root, path));

    public static bool Exists(string path) => File.Exists(System.IO.Path.Combine(Root, path));

    /// <summary>Runs a rule over every source and fails with the list of violations.</summary>
    public static void AssertClean(Func<SourceFile, IEnumerable<Violation>> rule) =>
        AssertNone(Sources.SelectMany(rule));

    public static void AssertNone(IEnumerable<Violation> violations)
    {
        List<string> found = [.. violations.Select(violation => violation.ToString())];
        Assert.True(found.Count == 0, $"{found.Count} violation(s):\n" + string.Join('\n', found));
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Perf.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("No Perf.sln above " + AppContext.BaseDirectory);
    }

    private static List<string> ListFiles()
    {
        List<string> files = [];
        Stack<string> folders = new([Root]);
        while (folders.TryPop(out string? folder))
        {
            files.AddRange(Directory.GetFiles(folder).Select(file => System.IO.Path.GetRelativePath(Root, file)));
            foreach (string child in Directory.GetDirectories(folder))
            {
                if (!SkippedFolders.Contains(System.IO.Path.GetFileName(child)))
                {
                    folders.Push(child);
                }
            }
        }

        files.Sort(StringComparer.Ordinal);
        return files;
    }
}
