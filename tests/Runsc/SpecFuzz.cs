using System;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Tests.Runsc;

/// <summary>Fuzz entry of the reader of config.json.</summary>
internal static class SpecFuzz
{
    /// <summary>Reads any bytes: a configuration, or one line that says what is wrong; nothing else may come
    /// out.</summary>
    internal static bool Run(ReadOnlySpan<byte> text)
    {
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

    /// <summary>Host paths that exist, so that the rest of the translation is reached whatever the machine
    /// has.</summary>
    private static Spec Harmless(Spec spec)
    {
        spec.Root!.Path = "/";
        return spec;
    }
}
