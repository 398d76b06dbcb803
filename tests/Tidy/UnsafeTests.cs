using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace Tests.Tidy;

/// <summary>Unsafe code stays in files that say so in their name, and says why it is safe.</summary>
public sealed class UnsafeTests
{
    [Fact]
    public void Unsafe_constructs_appear_only_in_files_named_Unsafe() => Repository.AssertClean(ConstructViolations);

    [Fact]
    public void Every_unsafe_declaration_or_block_states_why_it_is_safe() => Repository.AssertClean(SafetyViolations);

    [Fact]
    public void Only_hostos_has_native_imports() => Repository.AssertClean(ImportViolations);

    internal static IEnumerable<Violation> ConstructViolations(SourceFile file)
    {
        if (file.Name.EndsWith(".Unsafe.cs") || Exemptions.FunctionPointers.ContainsKey(file.Path))
        {
            yield break;
        }

        foreach (SyntaxNode node in file.Root.DescendantNodes())
        {
            string? construct = node switch
            {
                PointerTypeSyntax => "a pointer",
                FunctionPointerTypeSyntax => "a function pointer",
                FixedStatementSyntax => "a fixed statement",
                UnsafeStatementSyntax => "an unsafe block",
                MemberAccessExpressionSyntax access => RawAccess(access),
                MemberDeclarationSyntax member when member.Modifiers.Any(SyntaxKind.UnsafeKeyword) => "unsafe",
                LocalFunctionStatementSyntax local when local.Modifiers.Any(SyntaxKind.UnsafeKeyword) => "unsafe",
                _ => null,
            };
            if (construct != null)
            {
                yield return file.At(node, $"{construct} outside a *.Unsafe.cs file");
            }
        }
    }

    internal static IEnumerable<Violation> SafetyViolations(SourceFile file)
    {
        if (Exemptions.FunctionPointers.ContainsKey(file.Path))
        {
            yield break;
        }

        foreach (SyntaxToken token in file.Root.DescendantTokens().Where(at => at.IsKind(SyntaxKind.UnsafeKeyword)))
        {
            // An alias names a type; what is done with it is declared elsewhere.
            if (token.Parent is not UsingDirectiveSyntax && !HasSafety(token.Parent!))
            {
                yield return file.At(token, "no '// SAFETY:' sentence above this unsafe declaration or block");
            }
        }
    }

    internal static IEnumerable<Violation> ImportViolations(SourceFile file)
    {
        if (file.Path.StartsWith("hostos/"))
        {
            yield break;
        }

        foreach (SyntaxNode node in file.Root.DescendantNodes())
        {
            string name = node switch
            {
                AttributeSyntax attribute => attribute.Name.ToString().Split('.')[^1],
                IdentifierNameSyntax { Identifier.Text: "NativeLibrary" } => "NativeLibrary",
                _ => "",
            };
            if (name.Replace("Attribute", "") is "DllImport" or "LibraryImport" or "NativeLibrary")
            {
                yield return file.At(node, $"{name}: only hostos contains native imports");
            }
        }
    }

    /// <summary>The two library types that turn references into anything.</summary>
    private static string? RawAccess(MemberAccessExpressionSyntax access) =>
        access.Expression is IdentifierNameSyntax { Identifier.Text: "Unsafe" or "MemoryMarshal" } raw
            ? raw.Identifier.Text
            : null;

    /// <summary>
    /// The sentence stands above the declaration or block itself, or above the type that is unsafe as a whole, or (a
    /// type of
    /// imports or of layout only) anywhere in that type's leading comment.
    /// </summary>
    private static bool HasSafety(SyntaxNode node)
    {
        for (SyntaxNode? at = node; at != null; at = at.Parent)
        {
            bool holder = at is MemberDeclarationSyntax or StatementSyntax;
            if (holder && at.GetLeadingTrivia().ToFullString().Contains("// SAFETY:"))
            {
                return true;
            }

        }

        return false;
    }
}
