using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Runsc.Oci;
using Xunit;

namespace Tests.Runsc;

/// <summary>The reader of config.json against documents that are nearly right.</summary>
public sealed class SpecFuzzTests
{
    private const int Mutants = 60_000;

    private static readonly string[] s_words =
    [
        "null", "true", "[]", "{}", "\"\"", "-1", "0", "1e999", "18446744073709551616", "\"\\u0000\"", "\"\\ud800\"",
        "\"/\"", "\"..\"", "\"CAP_\"", "\"RLIMIT_\"", "[null]", "{\"\":null}", "[[[[[[[[", "\"\\u00ff\"", "4294967296",
    ];

    [Fact]
    public void The_default_configuration_and_a_full_one_are_accepted()
    {
        foreach (byte[] document in Corpus())
        {
            Assert.True(SpecFuzz.Run(document), Encoding.UTF8.GetString(document));
        }
    }

    [Fact]
    public void What_is_as_it_should_be_needs_no_serializer()
    {
        foreach (byte[] document in Corpus())
        {
            Assert.NotNull(SpecReader.Read(document));
        }

        Spec all = new();
        int filled = 0;
        Filling.Fill(all, ref filled);
        byte[] text = JsonSerializer.SerializeToUtf8Bytes(all, SpecJson.Default.Spec);
        Assert.Equal(text, JsonSerializer.SerializeToUtf8Bytes(SpecReader.Read(text)!, SpecJson.Default.Spec));
        Assert.True(filled > 100);
    }

    [Fact]
    public void Every_prefix_of_a_configuration_is_refused_in_one_line()
    {
        byte[] document = Corpus()[0];
        for (int length = 0; length < document.Length - 1; length++)
        {
            Assert.False(SpecFuzz.Run(document.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Mutated_configurations_give_a_result_and_never_an_exception()
    {
        int seed = Environment.GetEnvironmentVariable("FUZZ_SEED") is { Length: > 0 } given
            ? int.Parse(given, CultureInfo.InvariantCulture)
            : 20;
        Random random = new(seed);
        List<byte[]> corpus = Corpus();
        int accepted = 0;
        for (int i = 0; i < Mutants; i++)
        {
            byte[] mutant = Mutate(corpus[random.Next(corpus.Count)], random);
            try
            {
                accepted += SpecFuzz.Run(mutant) ? 1 : 0;
            }
            catch (Exception e)
            {
                Assert.Fail("seed " + seed + ", mutant " + i + ": " + e + "\n" + Encoding.Latin1.GetString(mutant));
            }
        }

        // Both ends are reached, or the mutations test nothing.
        Assert.InRange(accepted, Mutants / 200, Mutants - (Mutants / 20));
    }

    private static List<byte[]> Corpus() =>
    [
        JsonSerializer.SerializeToUtf8Bytes(DefaultSpec.Create(["sh"]), SpecJson.Default.Spec),
        JsonSerializer.SerializeToUtf8Bytes(Full(), SpecJson.Default.Spec),
    ];

    private static Spec Full()
    {
        Spec spec = DefaultSpec.Create(["/bin/true", "a"]);
        spec.Domainname = "d";
        spec.Annotations = new Dictionary<string, string> { ["k"] = "v" };
        spec.Process!.ConsoleSize = new BoxSpec { Height = 1, Width = 2 };
        spec.Process.OomScoreAdj = 5;
        spec.Process.User = new UserSpec { Uid = 1, Gid = 2, Umask = 18, AdditionalGids = [3] };
        spec.Mounts!.Add(new MountSpec { Destination = "/m", Source = "/", Options = ["rbind", "ro", "rprivate"] });
        LinuxSpec linux = spec.Linux!;
        linux.Sysctl = new Dictionary<string, string> { ["kernel.domainname"] = "x" };
        linux.RootfsPropagation = "slave";
        linux.Devices = [new DeviceSpec { Type = "c", Path = "/dev/x", Major = 1, Minor = 3, FileMode = 438 }];
        linux.UidMappings = [new IdMappingSpec { ContainerId = 0, HostId = 0, Size = 10 }];
        linux.GidMappings = [new IdMappingSpec { ContainerId = 0, HostId = 0, Size = 10 }];
        linux.Personality = new PersonalitySpec { Domain = "LINUX" };
        linux.Resources = new ResourcesSpec
        {
            Memory = new MemorySpec { Limit = 1 << 30 },
            Pids = new PidsSpec { Limit = 10 },
        };
        return spec;
    }

    private static byte[] Mutate(byte[] document, Random random)
    {
        List<byte> bytes = [.. document];
        for (int times = random.Next(1, 4); times > 0 && bytes.Count > 1; times--)
        {
            MutateOnce(bytes, random);
        }

        return [.. bytes];
    }

    private static void MutateOnce(List<byte> bytes, Random random)
    {
        int at = random.Next(bytes.Count);
        switch (random.Next(6))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at));
                break;
            case 3:
                int length = Math.Min(random.Next(1, 60), bytes.Count - at);
                bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length));
                break;
            case 4:
                bytes.InsertRange(at, Encoding.UTF8.GetBytes(s_words[random.Next(s_words.Length)]));
                break;
            default:
                ReplaceValue(bytes, at, s_words[random.Next(s_words.Length)]);
                break;
        }
    }

    /// <summary>Puts a word where the next value stands: what stays well-formed goes deepest.</summary>
    private static void ReplaceValue(List<byte> bytes, int at, string word)
    {
        int colon = bytes.IndexOf((byte)':', at);
        int end = colon < 0 ? -1 : bytes.FindIndex(colon, static b => b is (byte)',' or (byte)'\n');
        if (end > 0)
        {
            bytes.RemoveRange(colon + 1, end - colon - 1);
            bytes.InsertRange(colon + 1, Encoding.UTF8.GetBytes(word));
        }
    }
}
