using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace Tests.Tidy;

/// <summary>A method that nothing names is dead. By name alone: one namesake anywhere hides it.</summary>
public sealed class UnusedTests
{
    [Fact]
    public void Every_method_is_named_somewhere_else() => Repository.AssertNone(Violations(Repository.Sources));

    internal static IEnumerable<Violation> Violations(IReadOnlyList<SourceFile> sources)
    {
        Dictionary<string, int> uses = [];
        foreach (SyntaxToken token in sources.SelectMany(file => file.Root.DescendantTokens()))
        {
            if (token.IsKind(SyntaxKind.IdentifierToken))
            {
                uses[token.ValueText] = uses.GetValueOrDefault(token.ValueText) + 1;
            }
        }

        return sources.Where(file => !file.Path.StartsWith("tests/"))
            .SelectMany(file => file.Root.DescendantNodes().OfType<MethodDeclarationSyntax>()
                .Where(method => uses[method.Identifier.ValueText] == 1 && !IsCalledFromOutside(method))
                .Select(method => file.At(method.Identifier, $"nothing calls {method.Identifier.ValueText}")));
    }

    // Main, what a base class or another language calls, and what an attribute hands to somebody.
    private static bool IsCalledFromOutside(MethodDeclarationSyntax method) =>
        method.Identifier.ValueText == "Main" || method.AttributeLists.Count > 0
        || method.ExplicitInterfaceSpecifier is not null
        || method.Modifiers.Any(modifier => modifier.IsKind(SyntaxKind.OverrideKeyword));
}
