using System;
using Shim.Host;
using Shim.Tasks;

namespace Shim;

/// <summary>Entry point: the shim protocol of containerd, version 2 (containerd, runtime/v2/README.md). Without a
/// command this is the server that <c>start</c> leaves behind.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        ShimFlags flags = ShimFlags.Parse(args);
        try
        {
            return flags.Command switch
            {
                "start" => StartCommand.Run(flags),
                "delete" => DeleteCommand.Run(flags),
                "" when flags.ShowsVersion => Version(),
                "" => ServeCommand.Run(flags),
                _ => Fail("unknown command \"" + flags.Command + "\": start, delete"),
            };
        }
        catch (ShimException e)
        {
            return Fail(e.Message);
        }
    }

    private static int Version()
    {
        Console.Out.WriteLine("containerd-shim-runsc-v1: containerd.task.v2.Task");
        return 0;
    }

    private static int Fail(string line)
    {
        Console.Error.WriteLine("containerd-shim-runsc-v1: " + line);
        return 1;
    }
}
