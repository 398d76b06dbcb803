using System;
using System.IO;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim.Host;
using Shim.Messages;
using Shim.Tasks;

namespace Shim;

/// <summary><c>delete</c>: removes what a killed shim left of a container and prints a DeleteResponse.</summary>
internal static class DeleteCommand
{
    internal static int Run(ShimFlags flags)
    {
        const uint Killed = 137;
        Reaper.Start();
        Reaper.BeginStarting();
        RuntimeChoice.Find(flags.Bundle).For(flags.Namespace, flags.Bundle).Run("delete", "--force", flags.Id);
        RootMounts.Unmount(flags.Bundle);
        ShimSocket.RemoveDead(flags.Bundle);
        DeleteResponse response = new()
        {
            ExitStatus = Killed,
            ExitedAt = Timestamp.FromDateTime(DateTime.UtcNow),
        };
        using Stream output = Console.OpenStandardOutput();
        response.WriteTo(output);
        return 0;
    }
}
