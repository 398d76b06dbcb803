using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace Tests.Tidy;

/// <summary>The generated pages of docs/ say what the sources say now; <c>scripts/docs</c> makes them again.</summary>
public sealed class GeneratedDocTests
{
    private const string Table = "sentry/Syscalls/SyscallTable.cs";
    private const string SyscallPage = "docs/syscalls.md";
    private const string LockPage = "docs/locks.md";
    private const int SupportedAtLeast = 230;

    /// <summary>Set by scripts/docs: the page of the locks is written instead of compared.</summary>
    private const string WriteVariable = "TIDY_WRITE_DOCS";

    private static readonly string[] Kinds = ["Full", "Partial", "Error", "Missing"];

    [Fact]
    public void The_page_of_system_calls_has_the_rows_of_the_table()
    {
        List<string> rows = TableRows(Repository.Sources.Single(source => source.Path == Table));
        List<string> page = PageRows(Repository.Read(SyscallPage));
        Assert.True(rows.Count > 300);
        Assert.Empty(rows.Except(page));
        Assert.Empty(page.Except(rows));
        Assert.Equal(rows, page);
    }

    [Fact]
    public void The_page_of_system_calls_counts_its_rows()
    {
        string text = Repository.Read(SyscallPage);
        List<string> page = PageRows(text);
        int[] counts = [.. Kinds.Select(kind => page.Count(row => row.Contains($" | {kind} | ")))];
        Assert.Contains(
            $"Full {counts[0]}, partial {counts[1]}, error {counts[2]}, missing (ENOSYS) {counts[3]}.", text);
        Assert.True(counts[0] + counts[1] >= SupportedAtLeast);
    }

    [Fact]
    public void A_row_that_the_page_lacks_is_found()
    {
        SourceFile source = new(Table, """class T { E[] e = [Full(0, "read", &R.Read, "fd"), Missing(9, "nope")]; }""");
        Assert.Equal(["| 0 | read | Full |  |", "| 9 | nope | Missing |  |"], TableRows(source));
        Assert.Equal(["| 0 | read | Full |  |"], PageRows(
            "# T\n\n| number | name |\n|---|---|\n| 0 | read | Full |  |\n"));
    }

    [Fact]
    public void The_page_of_locks_is_what_the_levels_say()
    {
        string text = LockDocument.Render(Repository.Sources);
        if (Environment.GetEnvironmentVariable(WriteVariable) is { Length: > 0 })
        {
            File.WriteAllText(Path.Combine(Repository.Root, LockPage), text);
        }

        Assert.Equal(text, Repository.Read(LockPage));
    }

    [Fact]
    public void Every_lock_level_has_a_rank_of_its_own_and_a_lock()
    {
        List<LockDocument.Level> levels = LockDocument.Find(Repository.Sources);
        Assert.Equal(levels.Count, levels.Select(level => level.Rank).Distinct().Count());
        Assert.All(levels, level => Assert.NotEqual("", level.Guards));
        Assert.DoesNotContain(levels, level => level.Owners.Count == 0);
    }

    /// <summary>The rows as docs/syscalls.md has them: the note is the last argument where there is one.</summary>
    private static List<string> TableRows(SourceFile source)
    {
        List<string> rows = [];
        foreach (InvocationExpressionSyntax call in source.Root.DescendantNodes().OfType<InvocationExpressionSyntax>())
        {
            string kind = call.Expression.ToString();
            CallArguments arguments = new(call);
            if (Kinds.Contains(kind))
            {
                string note = kind is "Partial" or "Error" ? arguments.Text(^1) : "";
                rows.Add($"| {arguments.Raw(0)} | {arguments.Text(1)} | {kind} | {note} |");
            }
        }

        return rows;
    }

    private static List<string> PageRows(string text) =>
        [.. text.Split('\n').Where(line => Regex.IsMatch(line, @"^\| \d+ \|"))];

    /// <summary>Arguments of a call as text.</summary>
    private readonly struct CallArguments(InvocationExpressionSyntax call)
    {
        private readonly ArgumentSyntax[] _all = [.. call.ArgumentList.Arguments];

        internal string Raw(Index index) => _all[index].ToString();

        internal string Text(Index index) => ((LiteralExpressionSyntax)_all[index].Expression).Token.ValueText;
    }
}
