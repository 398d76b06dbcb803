using System;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim;
using Shim.Messages;
using Shim.Tasks;
using Xunit;

namespace Tests.Shim;

/// <summary>The options of a Create: messages, and files of the TOML that is understood.</summary>
public sealed class RuntimeChoiceTests
{
    private const string File = """
        # which
        binary_name = "/opt/run sc" # with a blank
        root = "/run/x"

        [ runsc_config ]   # flags
          platform = "systrap"
          debug-log="/tmp/a#b"
          strace = true
        """;

    private static RuntimeChoice Read(string text)
    {
        RuntimeChoice choice = new();
        choice.TakeFile("f", text.Split('\n'));
        return choice;
    }

    [Fact]
    public void A_file_has_names_and_values_in_sections()
    {
        RuntimeChoice choice = Read(File);
        Assert.Equal("/opt/run sc", choice.Binary);
        Assert.Equal("/run/x", choice.Root);
        Assert.Equal(["--platform=systrap", "--debug-log=/tmp/a#b", "--strace=true"], choice.Flags);
    }

    [Theory]
    [InlineData("nonsense = 1")]
    [InlineData("root")]
    [InlineData("root =")]
    [InlineData("root = # nothing")]
    [InlineData("root = \"/x")]
    [InlineData("root = \"/x\" y")]
    [InlineData("root = /x y")]
    [InlineData("[runsc_config")]
    [InlineData("[runsc_config] platform = \"kvm\"")]
    [InlineData("[[runsc_config]]")]
    [InlineData("[other]\nroot = \"/x\"")]
    [InlineData("[runsc_config]\n = \"kvm\"")]
    [InlineData("[runsc_config]\nflags = [\"a\"]")]
    [InlineData("[runsc_config]\nmore = '''x")]
    public void What_is_not_understood_is_refused_with_its_line(string text)
    {
        ShimException e = Assert.Throws<ShimException>(() => Read(text));
        string line = text.Contains('\n', StringComparison.Ordinal) ? "f:2: " : "f:1: ";
        Assert.StartsWith(line + "not understood", e.Message, StringComparison.Ordinal);
        Assert.Equal(StatusCode.InvalidArgument, e.Code);
    }

    [Fact]
    public void Options_of_runc_do_what_they_do_there()
    {
        Options options = new() { BinaryName = "/x/runsc", Root = "/run/y", SystemdCgroup = true };
        Any any = new() { TypeUrl = "containerd.runc.v1.Options", Value = options.ToByteString() };
        RuntimeChoice choice = RuntimeChoice.Read(any);
        Assert.Equal("/x/runsc", choice.Binary);
        Assert.Equal("/run/y", choice.Root);
        Assert.Equal(["--systemd-cgroup"], choice.Flags);
    }

    [Fact]
    public void Options_nobody_knows_and_damaged_ones_are_refused()
    {
        Assert.Throws<ShimException>(() => RuntimeChoice.Read(new Any { TypeUrl = "other.Options" }));
        Assert.Throws<InvalidProtocolBufferException>(() => RuntimeChoice.Read(new Any
        {
            TypeUrl = "containerd.runc.v1.Options",
            Value = ByteString.CopyFrom(0x0A, 0x7F),
        }));
    }

    [Fact]
    public void Damaged_files_are_read_or_refused_and_nothing_else()
    {
        const int Rounds = 50_000;
        const string Words = "[]=#\"' \n\t\\\0a";
        int seed = System.Environment.GetEnvironmentVariable("FUZZ_SEED") is { Length: > 0 } given
            ? int.Parse(given, CultureInfo.InvariantCulture) : 7;
        Random random = new(seed);
        byte[] file = Encoding.Latin1.GetBytes(File);
        int read = 0;
        for (int round = 0; round < Rounds; round++)
        {
            byte[] bytes = (byte[])file.Clone();
            for (int i = random.Next(4); i > 0; i--)
            {
                bytes[random.Next(bytes.Length)] = (byte)(random.Next(2) == 0 ? random.Next(256)
                    : Words[random.Next(Words.Length)]);
            }

            read += ChoiceFuzz.Run(bytes.AsSpan(0, random.Next(2) == 0 ? bytes.Length : random.Next(bytes.Length)))
                ? 1 : 0;
        }

        Assert.InRange(read, Rounds / 20, Rounds - (Rounds / 20));
    }
}
