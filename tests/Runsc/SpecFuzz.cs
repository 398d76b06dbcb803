using System;
using System.Text.Json;
using Runsc.Oci;
using Runsc.Sandbox;
using Xunit;

namespace Tests.Runsc;

/// <summary>Fuzz entry of the reader of config.json.</summary>
internal static class SpecFuzz
{
    /// <summary>Reads any bytes: a configuration, or one line that says what is wrong; nothing else may come
    /// out.</summary>
    internal static bool Run(ReadOnlySpan<byte> text)
    {
        CompareReaders(text);
        try
        {
            Spec spec = SpecLoader.Parse("config.json", text);
            return OciSandbox.Build("fuzz", "/", Harmless(spec)) is not null;
        }
        catch (UserErrorException e) when (e.Message.Length > 0 && e.Status == 1)
        {
            return false;
        }
    }

    /// <summary>What is read by hand is what the serializer reads, where that reads it: it also refuses what comes
    /// twice
    /// and is wrong the first time.</summary>
    private static void CompareReaders(ReadOnlySpan<byte> text)
    {
        if (SpecReader.Read(text) is not { } spec)
        {
            return;
        }

        try
        {
            Spec expected = JsonSerializer.Deserialize(text, SpecJson.Default.Spec)!;
            Assert.Equal(JsonSerializer.SerializeToUtf8Bytes(expected, SpecJson.Default.Spec),
                JsonSerializer.SerializeToUtf8Bytes(spec, SpecJson.Default.Spec));
        }
        catch (JsonException)
        {
            // Refused by one reader only, see above.
        }
    }

    /// <summary>Host paths that exist, so that the rest of the translation is reached whatever the machine
    /// has.</summary>
    private static Spec Harmless(Spec spec)
    {
        spec.Root!.Path = "/";
        return spec;
    }
}
