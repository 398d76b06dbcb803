using System.IO;
using HostOs;
using Shim.Host;
using Shim.Tasks;
using Shim.Ttrpc;

namespace Shim;

/// <summary>The server: lives as long as its containers do.</summary>
internal static class ServeCommand
{
    /// <summary>The listening socket that <c>start</c> made.</summary>
    internal const int ListenerFd = 3;

    internal const string TtrpcVariable = "TTRPC_ADDRESS";

    private const int FarewellMs = 10_000;

    internal static int Run(ShimFlags flags)
    {
        HostUnistd.SetSid(out _);
        Reaper.Start();
        string address = System.Environment.GetEnvironmentVariable(TtrpcVariable) ?? "";
        TaskEvents events = new(new EventPublisher(address, flags.Namespace));
        TaskService service = new(flags.Namespace, events);
        TtrpcServer server = new(service.Handle, () => EndIfOver(service, events, flags));
        server.Serve(ListenerFd);
        return 1;
    }

    /// <summary>After the answer to a Shutdown.</summary>
    private static void EndIfOver(TaskService service, TaskEvents events, ShimFlags flags)
    {
        if (service.IsOver)
        {
            events.Finish(FarewellMs);
            File.Delete(flags.Socket);
            HostUnistd.ExitGroup(0);
        }
    }
}
