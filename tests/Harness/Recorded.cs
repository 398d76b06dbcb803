using System;
using System.IO;

namespace Tests.Harness;

/// <summary>What real tools printed.</summary>
internal static class Recorded
{
    internal static string Text(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", name));
}
