using System.Collections.Generic;
using System.CommandLine;
using System.Text.Json;
using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary><c>runsc spec</c>: writes a default config.json.</summary>
internal static class SpecCommand
{
    internal static Command Build()
    {
        Option<string> bundle = new("--bundle", "-b") { Description = "Directory to write to.", DefaultValueFactory =
            _ => "." };
        Option<bool> rootless = new("--rootless") { Description = "For the caller, who is not root." };
        Argument<string[]> args = new("args") { Arity = ArgumentArity.ZeroOrMore, Description =
            "Command of the container." };
        Command command = new("spec", "Write a default config.json.") { bundle, rootless, args };
        command.SetAction(result => Run(result.GetValue(bundle)!, result.GetValue(rootless),
            result.GetValue(args) ?? []));
        return command;
    }

    private static int Run(string bundle, bool isRootless, string[] args)
    {
        const int Flags = HostFcntl.WriteOnly | HostFcntl.Create | HostFcntl.Exclusive | HostFcntl.CloseOnExec;
        const int EveryoneReads = 0x1A4;
        string file = bundle + "/config.json";
        List<string> words = [];
        foreach (string word in args)
        {
            words.Add(ByteStrings.TryToText(word, out string text)
                ? text
                : throw new UserErrorException("spec: " + word + ": not UTF-8, which config.json is"));
        }

        Spec spec = DefaultSpec.Create(words);
        if (isRootless)
        {
            DefaultSpec.MapToCaller(spec.Linux!);
        }

        byte[] config = JsonSerializer.SerializeToUtf8Bytes(spec, SpecJson.Default.Spec);
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, file, Flags, EveryoneReads, out int opened);
        if (errno == Errno.None)
        {
            using HostFd fd = new(opened);
            errno = HostUnistd.WriteAll(opened, [.. config, (byte)'\n']);
            if (errno != Errno.None)
            {
                _ = HostUnistd.UnlinkAt(HostFcntl.AtFdCwd, file, 0);
            }
        }

        return errno == Errno.None ? 0 : throw new UserErrorException(file + ": " + ErrorText.Describe(errno));
    }
}
