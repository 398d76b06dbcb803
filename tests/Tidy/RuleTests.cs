using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace Tests.Tidy;

/// <summary>Each rule against a snippet that breaks it and one that does not: a rule that cannot fail checks
/// nothing.</summary>
public sealed class RuleTests
{
    [Fact]
    public void An_edge_not_listed_is_found()
    {
        Assert.Single(References("sentry/Sentry.csproj", "../platform-ptrace/Platform.Ptrace.csproj"));
        Assert.Single(References("platform/Platform.csproj", "../sentry/Sentry.csproj"));
        Assert.Single(References("runsc/Runsc.csproj", "../tests/Tidy/Tidy.Tests.csproj"));
        Assert.Empty(References("sentry/Sentry.csproj", "../hostos/HostOs.csproj"));
        Assert.Single(References("runsc/Runsc.csproj", "../perf/Perf.csproj"));
        Assert.Empty(References("tests/A/A.csproj", "../../perf/Perf.csproj"));
    }

    [Fact]
    public void A_package_or_version_out_of_place_is_found()
    {
        const string Iced = "<Project><ItemGroup><PackageReference Include=\"Iced\" /></ItemGroup></Project>";
        Assert.Single(DependencyTests.PackageViolations("sentry/Sentry.csproj", Iced));
        Assert.Empty(DependencyTests.PackageViolations("stub/Stub.csproj", Iced));
        Assert.Single(DependencyTests.PackageViolations("stub/Stub.csproj", Iced.Replace(" />", " Version=\"1\" />")));
        const string Framework = "<Project><TargetFramework>net9.0</TargetFramework></Project>";
        Assert.Single(DependencyTests.FrameworkViolations("stub/Stub.csproj", Framework));
    }

    [Theory]
    [InlineData("sentry/Kernel/A.cs", "using Sentry.Fs.Tmpfs;", 1)]
    [InlineData("sentry/Mm/A.cs", "class A { object b = new Sentry.Socket.Unix.Endpoint(); }", 1)]
    [InlineData("sentry/Vfs/A.cs", "namespace Sentry.Vfs; class A { object b = Fs.Tmpfs.File.Make(); }", 1)]
    [InlineData("sentry/Vfs/A.cs", "using Sentry.Kernel;", 0)]
    [InlineData("sentry/Syscalls/A.cs", "using Sentry.Fs.Tmpfs;", 0)]
    public void The_core_naming_a_member_is_found(string path, string text, int count) =>
        Assert.Equal(count, SentryWallTests.CoreViolations(new(path, text)).Count());

    [Theory]
    [InlineData("using Sentry.Fs.Proc;", 1)]
    [InlineData("using static Sentry.Socket.Unix.Names;", 1)]
    [InlineData("namespace Sentry.Fs.Tmpfs; class A { Proc.Root r; }", 1)]
    [InlineData("using Sentry.Vfs; using Sentry.Fs.Tmpfs.Inner;", 0)]
    public void A_member_naming_another_is_found(string text, int count)
    {
        HashSet<string> members = ["Fs.Tmpfs", "Fs.Proc", "Socket.Unix"];
        Assert.Equal(count, SentryWallTests.MemberViolations(new("sentry/Fs/Tmpfs/A.cs", text), members).Count());
    }

    [Theory]
    [InlineData("sentry/Fs/A.cs", "class A { void F() { lock (this) { } } }", 1)]
    [InlineData("sentry/Fs/A.cs", "class A { void F() { Monitor.Wait(this); } }", 1)]
    [InlineData("sentry/Fs/A.cs", "class A { private readonly Lock _l = new(); }", 1)]
    [InlineData("sentry/Fs/A.cs", "class A { private readonly OrderedLock<LeafLevel> _l = new(); }", 0)]
    [InlineData("gofer/A.cs", "class A { void F() { lock (this) { } } }", 0)]
    public void A_lock_without_an_order_is_found(string path, string text, int count) =>
        Assert.Equal(count, BannedTests.LockViolations(new(path, text)).Count());

    [Theory]
    [InlineData("class A { void F() { } }", 1)]
    [InlineData("class A { void F() { G(); } static void G() { F(); } }", 0)]
    [InlineData("/* F() */ class A { void F() { } }", 1)]
    [InlineData("class A { override void F() { } [B] void G() { } static void Main() { } }", 0)]
    public void A_method_that_nothing_calls_is_found(string text, int count)
    {
        Assert.Equal(count, UnusedTests.Violations([new("sentry/A.cs", text)]).Count());
        Assert.Empty(UnusedTests.Violations([new("tests/A.cs", text)]));
    }

    [Theory]
    [InlineData("class A { void F() { var x = Unsafe.As<object>(null); } }")]
    [InlineData("class A { void F() { MemoryMarshal.Cast<byte, int>(default); } }")]
    [InlineData("class A { int* p; }")]
    [InlineData("class A { void F() { fixed (byte* p = x) { } } }")]
    [InlineData("unsafe class A { }")]
    [InlineData("class A { void F() { unsafe { } } }")]
    [InlineData("class A { delegate*<void> f; }")]
    public void An_unsafe_construct_in_an_ordinary_file_is_found(string text)
    {
        Assert.NotEmpty(UnsafeTests.ConstructViolations(new("sentry/Mm/A.cs", text)));
        Assert.Empty(UnsafeTests.ConstructViolations(new("sentry/Mm/A.Unsafe.cs", text)));
    }

    [Theory]
    [InlineData("class A { unsafe void F() { } }", 1)]
    [InlineData("class A {\n// SAFETY: the block is pinned.\nunsafe void F() { } }", 0)]
    [InlineData("// SAFETY: imports only.\nunsafe class A { unsafe void F() { } }", 0)]
    [InlineData("class A { void F() { unsafe { } } }", 1)]
    [InlineData("class A { void F() {\n// SAFETY: checked above.\nunsafe { } } }", 0)]
    public void Unsafe_code_without_its_sentence_is_found(string text, int count) =>
        Assert.Equal(count, UnsafeTests.SafetyViolations(new("a/B.Unsafe.cs", text)).Count());

    [Fact]
    public void A_native_import_outside_hostos_is_found()
    {
        const string Import = "class A { [LibraryImport(\"c\")] static partial int F(); }";
        Assert.Single(UnsafeTests.ImportViolations(new("sentry/A.cs", Import)));
        Assert.Empty(UnsafeTests.ImportViolations(new("hostos/A.cs", Import)));
    }

    [Fact]
    public void Sizes_over_their_limits_are_found()
    {
        string body = string.Concat(Enumerable.Repeat("x++;\n", 69));
        Assert.Single(LimitTests.SizeViolations(new("a/A.cs", $"class A {{ void F() {{\n{body}}} }}")));
        Assert.Empty(LimitTests.SizeViolations(new("a/A.cs", $"class A {{ void F() {{\n{body[5..]}}} }}")));
        Assert.Single(LimitTests.SizeViolations(new("a/A.cs", string.Concat(Enumerable.Repeat("//\n", 801)))));
        Assert.Single(LimitTests.SizeViolations(new("a/A.cs", "//" + new string('x', 119))));
    }

    [Fact]
    public void Deep_nesting_is_found()
    {
        const string Deep = "class A { void F() { if (a) { for (;;) { while (b) { if (c) { G(); } } } } } }";
        Assert.Single(LimitTests.NestingViolations(new("a/A.cs", Deep)));
        const string Chain = "class A { void F() { if (a) { } else if (b) { } else if (c) { } else if (d) { } } }";
        Assert.Empty(LimitTests.NestingViolations(new("a/A.cs", Chain)));
    }

    [Fact]
    public void A_namespace_beside_its_folder_or_a_bare_type_is_found()
    {
        Assert.Single(LimitTests.NamespaceViolations(new("sentry/Kernel/A.cs", "namespace Sentry.Mm; class A { }")));
        Assert.Empty(LimitTests.NamespaceViolations(new("platform-ptrace/A.cs", "namespace Platform.Ptrace;")));
        Assert.Single(LimitTests.SummaryViolations([new("a/A.cs", "class A { }")]));
        Assert.Empty(LimitTests.SummaryViolations([new("a/A.cs", "/// <summary>An A.</summary>\nclass A { }")]));
    }

    [Fact]
    public void Missing_and_long_readmes_are_found()
    {
        Assert.Single(LimitTests.ReadmeViolations("a/README.md", null));
        Assert.Single(LimitTests.ReadmeViolations("a/README.md", new string('\n', 121)));
        Assert.Empty(LimitTests.ReadmeViolations("a/README.md", "short\n"));
    }

    [Fact]
    public void Banned_words_names_and_hosts_are_found()
    {
        Assert.Single(BannedTests.UnfinishedViolations("a.cs", "// TO" + "DO later"));
        Assert.Single(BannedTests.MachineViolations("a.sh", "curl http" + "://packages.invalid/x"));
        Assert.Single(BannedTests.MachineViolations("a.md", "see /wo" + "rk/x"));
        Assert.Single(BannedTests.NameViolations(new("sentry/A.cs", "using System.Threading.Tasks;")));
        Assert.Empty(BannedTests.NameViolations(new("perf/A.cs", "using System.Threading.Tasks;")));
        Assert.Single(BannedTests.ConsoleViolations(new("hostos/A.cs", "class A { int F() => Console.Read(); }")));
        Assert.Single(BannedTests.TestViolations(new("tests/A.cs", "class A { void F() { Thread.Sleep(1); } }")));
        Assert.Single(BannedTests.TestViolations(new("tests/A.cs", "class A { [Fact(Skip = \"no\")] void F() { } }")));
    }

    private static IEnumerable<Violation> References(string project, string reference) =>
        DependencyTests.ReferenceViolations(
            project, $"<Project><ItemGroup><ProjectReference Include=\"{reference}\" /></ItemGroup></Project>");
}
