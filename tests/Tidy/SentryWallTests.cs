using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace Tests.Tidy;

/// <summary>
/// The walls inside the sentry assembly. Namespaces follow folders (checked by <see cref="LimitTests"/>), so naming a
/// folder's
/// members takes a using directive or a qualified name, and that is what these rules look for.
/// </summary>
public sealed class SentryWallTests
{
    private static readonly string[] Core = ["Kernel", "Mm", "Vfs"];

    private static readonly string[] MemberParents = ["Fs", "Socket"];

    private static readonly Lazy<HashSet<string>> AllMembers =
        new(() => [.. Repository.Files.Select(MemberOf).OfType<string>()]);

    [Fact]
    public void The_core_never_names_a_member() => Repository.AssertClean(CoreViolations);

    [Fact]
    public void Members_never_name_each_other() =>
        Repository.AssertClean(file => MemberViolations(file, AllMembers.Value));

    internal static IEnumerable<Violation> CoreViolations(SourceFile file)
    {
        if (!Core.Any(folder => file.Path.StartsWith($"sentry/{folder}/")))
        {
            yield break;
        }

        foreach ((SyntaxNode node, string name) in Names(file))
        {
            foreach (string parent in MemberParents)
            {
                if (IsUnder(name, $"Sentry.{parent}") || name.StartsWith(parent + "."))
                {
                    yield return file.At(node, $"names {name}: the sentry's core never names a member of {parent}/");
                }
            }
        }
    }

    internal static IEnumerable<Violation> MemberViolations(SourceFile file, IReadOnlySet<string> members)
    {
        string? self = MemberOf(file.Path);
        if (self == null)
        {
            yield break;
        }

        foreach ((SyntaxNode node, string name) in Names(file))
        {
            foreach (string other in members.Where(other => other != self))
            {
                string[] parts = other.Split('.');
                bool sibling = parts[0] == self.Split('.')[0] && name.StartsWith(parts[1] + ".");
                if (sibling || IsUnder(name, "Sentry." + other) || IsUnder(name, other))
                {
                    yield return file.At(node, $"names {name}: member {self} may not see member {other}");
                }
            }
        }
    }

    private static bool IsUnder(string name, string space) => name == space || name.StartsWith(space + ".");

    /// <summary>"Fs.Tmpfs" for sentry/Fs/Tmpfs/File.cs; null where the file is no member's.</summary>
    private static string? MemberOf(string path)
    {
        string[] parts = path.Split('/');
        return parts.Length >= 4 && parts[0] == "sentry" && MemberParents.Contains(parts[1]) && path.EndsWith(".cs")
            ? $"{parts[1]}.{parts[2]}"
            : null;
    }

    /// <summary>Every dotted name in the file, outermost only, and every name a using directive opens.</summary>
    private static IEnumerable<(SyntaxNode Node, string Name)> Names(SourceFile file)
    {
        foreach (SyntaxNode node in file.Root.DescendantNodes())
        {
            bool dotted = node is QualifiedNameSyntax
                or MemberAccessExpressionSyntax { Expression: not InvocationExpressionSyntax };
            bool outermost = node.Parent is not (QualifiedNameSyntax or MemberAccessExpressionSyntax);
            if (dotted && outermost && node.Parent is not BaseNamespaceDeclarationSyntax)
            {
                yield return (node, node.ToString().Replace("global::", ""));
            }
        }
    }
}
