using System;
using System.CommandLine;
using System.IO;
using System.Text.Json;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary><c>runsc spec</c>: writes a default config.json.</summary>
internal static class SpecCommand
{
    internal static Command Build()
    {
        Option<string> bundle = new("--bundle", "-b") { Description = "Directory to write to.", DefaultValueFactory =
            _ => "." };
        Argument<string[]> args = new("args") { Arity = ArgumentArity.ZeroOrMore, Description =
            "Command of the container." };
        Command command = new("spec", "Write a default config.json.") { bundle, args };
        command.SetAction(result => Run(result.GetValue(bundle)!, result.GetValue(args) ?? []));
        return command;
    }

    private static int Run(string bundle, string[] args)
    {
        string file = Path.Combine(bundle, "config.json");
        byte[] text = JsonSerializer.SerializeToUtf8Bytes(DefaultSpec.Create(args), SpecJson.Default.Spec);
        try
        {
            using FileStream stream = new(file, FileMode.CreateNew, FileAccess.Write);
            stream.Write(text);
            stream.WriteByte((byte)'\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string why = File.Exists(file) ? "file exists" : "cannot be written";
            throw new UserErrorException(file + ": " + why);
        }

        return 0;
    }
}
