using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Reflection;
using System.Text;
using Abi;

namespace Tests.Abi;

/// <summary>One translation unit: assertions about types and constants that one set of headers defines.</summary>
internal sealed class CSource
{
    /// <summary>SIGN: 1 for signed integers, -1 for unsigned, 0 for pointers, structs, arrays and char.</summary>
    private const string Prologue = """
        #define _GNU_SOURCE 1
        #include <stddef.h>
        #define SIGN(x) _Generic((x), default: 0, \
            signed char: 1, short: 1, int: 1, long: 1, long long: 1, unsigned char: -1, unsigned short: -1, \
            unsigned: -1, unsigned long: -1, unsigned long long: -1)

        """;

    private readonly StringBuilder _text = new();

    private CSource(IEnumerable<string> headers)
    {
        _text.Append(Prologue);
        foreach (string header in headers)
        {
            _text.Append($"#include <{header}>\n");
        }
    }

    public string Text => _text.ToString();

    /// <summary>Number of constants, sizes and fields asserted.</summary>
    public int Checks { get; private set; }

    /// <summary>The units for all types; what <paramref name="isExempt"/> names stays out.</summary>
    public static IReadOnlyCollection<CSource> For(IEnumerable<Type> types, Predicate<string> isExempt)
    {
        Dictionary<string, CSource> units = [];
        foreach (Type type in types.Where(type => !isExempt(type.Name)))
        {
            string[]? headers = Headers(type);
            if (headers == null)
            {
                continue;
            }

            string key = string.Join(' ', headers);
            if (!units.TryGetValue(key, out CSource? unit))
            {
                units.Add(key, unit = new(headers));
            }

            unit.Add(type, isExempt);
        }

        return units.Values;
    }

    /// <summary>The fields that need a C counterpart: constants, enum members, and all but private struct
    /// fields.</summary>
    public static IEnumerable<FieldInfo> Members(Type type)
    {
        const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        return type is { IsValueType: true, IsEnum: false }
            ? type.GetFields(Any | BindingFlags.Instance).Where(field => !field.IsPrivate)
            : type.GetFields(Any | BindingFlags.Static).Where(field => field.IsLiteral && !field.IsPrivate);
    }

    /// <summary>The headers that a type names; none where it says nothing.</summary>
    public static string[]? Headers(Type type) =>
        type.GetCustomAttribute<CTypeAttribute>()?.Headers ?? type.GetCustomAttribute<CHeaderAttribute>()?.Headers;

    private void Add(Type type, Predicate<string> isExempt)
    {
        CTypeAttribute? layout = type.GetCustomAttribute<CTypeAttribute>();
        if (layout != null)
        {
            Assert($"{layout.Size ?? $"sizeof({layout.Name})"} == {Layout.SizeOf(type)}", type.Name + " size");
        }

        foreach (FieldInfo member in Members(type))
        {
            bool exempt = isExempt($"{type.Name}.{member.Name}");
            if (layout == null)
            {
                AddConstant(type, member, exempt);
            }
            else if (!exempt)
            {
                AddField(type, layout.Name, member);
            }
        }
    }

    private void AddField(Type type, string c, FieldInfo field)
    {
        string path = field.GetCustomAttribute<CFieldAttribute>()?.Name ?? field.Name;
        string name = $"{type.Name}.{field.Name}";
        (int offset, int size) = Layout.Of(type, field);
        string member = $"((({c} *)0)->{path})";
        Assert($"offsetof({c}, {path}) == {offset}", name + " offset");
        Assert($"sizeof{member} == {size}", name + " size");
        if (field.FieldType.IsPrimitive)
        {
            Assert($"SIGN{member} {(IsSigned(field.FieldType) ? ">=" : "<=")} 0", name + " sign");
        }
    }

    private void AddConstant(Type type, FieldInfo constant, bool exempt)
    {
        string macro = type.GetCustomAttribute<CHeaderAttribute>()!.Prefix + constant.Name;
        _text.Append(exempt ? $"#ifdef {macro}\n" : "");
        AssertConstant(type, constant, constant.GetCustomAttribute<CFieldAttribute>()?.Name ?? macro);
        _text.Append(exempt ? "#endif\n" : "");
    }

    private void AssertConstant(Type type, FieldInfo constant, string c)
    {
        string name = $"{type.Name}.{constant.Name}";
        object value = constant.GetRawConstantValue()!;
        switch (value)
        {
            case string text:
                Assert($"__builtin_strcmp({c}, \"{text}\") == 0", name);
                break;
            case ulong number:
                Assert($"(unsigned long long)({c}) == {number.ToString(CultureInfo.InvariantCulture)}ULL", name);
                break;
            default:
                long bits = Convert.ToInt64(value, CultureInfo.InvariantCulture);
                string same = $"(long long)({c}) == {bits.ToString(CultureInfo.InvariantCulture)}LL";
                string same32 = $"sizeof({c}) == 4 && (unsigned)({c}) == {unchecked((uint)bits)}u";
                Assert(value is int or uint ? $"({same}) || ({same32})" : same, name);
                break;
        }
    }

    /// <summary>The line directive makes the compiler name the C# member in every error, whatever its kind.</summary>
    private void Assert(string condition, string name)
    {
        _text.Append($"#line 1 \"{name}\"\n_Static_assert({condition}, \"{name}\");\n");
        Checks++;
    }

    private static bool IsSigned(Type type) =>
        Type.GetTypeCode(type) is TypeCode.SByte or TypeCode.Int16 or TypeCode.Int32 or TypeCode.Int64;
}
