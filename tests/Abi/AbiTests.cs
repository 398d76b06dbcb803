using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using Abi;
using Abi.Linux;
using Xunit;

namespace Tests.Abi;

/// <summary>Every type and constant of the abi assembly is what the C headers of the system say.</summary>
public sealed class AbiTests
{
    private static readonly Type[] Types = typeof(Errno).Assembly.GetTypes()
        .Where(type => !type.IsDefined(typeof(CompilerGeneratedAttribute)))
        .Where(type => type.Namespace?.StartsWith("Abi") == true)
        .Where(type => !typeof(Attribute).IsAssignableFrom(type)).ToArray();

    [Fact]
    public void Sizes_offsets_signs_and_constants_are_those_of_the_headers()
    {
        IReadOnlyCollection<CSource> units = CSource.For(Types, Exemptions.Contains);
        Assert.True(units.Sum(unit => unit.Checks) > 3000, "the assembly's types were not found");
        string errors = CCompiler.Check(units.Select(unit => unit.Text));
        Assert.True(errors.Length == 0, errors);
    }

    [Fact]
    public void No_type_is_without_its_header()
    {
        IEnumerable<Type> missing = Types
            .Where(type => CSource.Headers(type) == null && !Exemptions.Contains(type.Name))
            .Where(type => !type.IsDefined(typeof(InlineArrayAttribute)))
            .Where(type => type.IsValueType || CSource.Members(type).Any());
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_inline_array_is_part_of_a_checked_struct()
    {
        HashSet<Type> used = Types.SelectMany(AllFields).Select(field => field.FieldType).ToHashSet();
        IEnumerable<Type> arrays = Types.Where(type => type.IsDefined(typeof(InlineArrayAttribute)));
        Assert.All(arrays, array => Assert.Contains(array, used));
    }

    [Fact]
    public void Private_fields_of_structs_are_padding_by_name()
    {
        IEnumerable<FieldInfo> hidden = Types
            .Where(type => type is { IsValueType: true, IsEnum: false })
            .Where(type => !type.IsDefined(typeof(InlineArrayAttribute)))
            .SelectMany(AllFields).Where(field => field.IsPrivate && !field.Name.StartsWith("_pad"));
        Assert.Empty(hidden);
    }

    [Fact]
    public void Every_exemption_names_something_and_its_source()
    {
        HashSet<string> names = Types
            .SelectMany(type => CSource.Members(type).Select(member => $"{type.Name}.{member.Name}").Append(type.Name))
            .ToHashSet();
        Assert.All(Exemptions.Names, name => Assert.Contains(name, names));
        Assert.DoesNotContain(Exemptions.Sources, string.IsNullOrWhiteSpace);
    }

    [Fact]
    public void A_wrong_constant_size_offset_or_sign_is_found()
    {
        Type[] wrong = [typeof(WrongConstants), typeof(WrongTimespec)];
        string errors = CCompiler.Check(CSource.For(wrong, _ => false).Select(unit => unit.Text));
        string[] expected =
        [
            "WrongConstants.O_CREAT", "WrongConstants.O_NOSUCH", "WrongConstants.F_SETLK", "WrongTimespec size",
            "WrongTimespec.tv_sec sign", "WrongTimespec.tv_nsec offset", "WrongTimespec.tv_nsec size",
        ];
        Assert.All(expected, name => Assert.Contains(name + ":1:", errors));
        Assert.DoesNotContain("WrongConstants.O_RDWR:", errors);
    }

    private static IEnumerable<FieldInfo> AllFields(Type type) =>
        type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance);

    /// <summary>Constants of which only the first is right.</summary>
    [CHeader("linux/fcntl.h")]
    private static class WrongConstants
    {
        public const int O_RDWR = 2;
        public const int O_CREAT = 65;
        public const int O_NOSUCH = 1;

        [CField("F_GETLK")]
        public const int F_SETLK = 6;
    }

    /// <summary>A struct that differs in every way.</summary>
    [CType("struct timespec", "linux/time.h")]
    private struct WrongTimespec
    {
        public ulong tv_sec;
        private int _pad0;
        public int tv_nsec;
        private long _pad1;
    }
}
