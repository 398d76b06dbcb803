using System;

namespace Abi;

/// <summary>
/// Names the C headers that define the constants of a class or the members of an enum. Every constant is checked
/// against the macro or enumerator of the same name (with <see cref="Prefix"/> before it) by tests/Abi.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Enum)]
public sealed class CHeaderAttribute(params string[] headers) : Attribute
{
    public string[] Headers { get; } = headers;

    /// <summary>What the C name has before the C# name.</summary>
    public string Prefix { get; init; } = "";
}

/// <summary>
/// Names the C type that a struct lays out and the headers that define it. Its size and every public field (same name
/// unless <see cref="CFieldAttribute"/> says otherwise) are checked by tests/Abi; private fields are padding.
/// </summary>
[AttributeUsage(AttributeTargets.Struct)]
public sealed class CTypeAttribute(string name, params string[] headers) : Attribute
{
    public string Name { get; } = name;

    public string[] Headers { get; } = headers;

    /// <summary>The C expression of the size where the type's is not meant, as before a flexible array.</summary>
    public string? Size { get; init; }
}

/// <summary>
/// The C spelling of a field or constant where it differs from the C# name: a member path or an expression.
/// </summary>
[AttributeUsage(AttributeTargets.Field)]
public sealed class CFieldAttribute(string name) : Attribute
{
    public string Name { get; } = name;
}
