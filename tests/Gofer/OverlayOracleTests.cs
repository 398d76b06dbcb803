using System;
using System.Collections.Generic;
using System.IO;
using Abi.Linux;
using Gofer;
using HostOs;
using Lisafs;
using Sentry.Fs.Gofer;
using Sentry.Fs.Overlay;
using Sentry.Vfs;
using Xunit;
using static Tests.Gofer.ServerFixture;

namespace Tests.Gofer;

/// <summary>
/// Random operations on our overlay (lower layer from a gofer, upper layer a tmpfs) and on one of the host kernel
/// over the same lower directory: same errnos, same trees.
/// </summary>
public sealed class OverlayOracleTests : IDisposable
{
    private readonly string _top = Path.Combine(Path.GetTempPath(), "overlay-test-" + Guid.NewGuid().ToString("N"));
    private Server? _server;

    private string Lower => Path.Combine(_top, "lower");

    private string Disk => Path.Combine(_top, "disk");

    private string Merged => Path.Combine(_top, "merged");

    public void Dispose()
    {
        HostMount.Umount2(Merged, HostMount.UmountDetach);
        HostMount.Umount2(Disk, HostMount.UmountDetach);
        _server?.Dispose();
        Directory.Delete(_top, recursive: true);
    }

    [Theory]
    [MemberData(nameof(TreeSeeds.All), MemberType = typeof(TreeSeeds))]
    public void Random_operations_have_the_results_they_have_on_the_host(int seed)
    {
        RandomTreeOperations operations = new(seed);
        Prepare(operations);
        GuestTree guest = MakeGuest();
        HostTree host = new(Merged);
        List<string> history = [];
        int successes = 0;
        for (int step = 0; step < 1500; step++)
        {
            (string what, Errno[] results) = operations.Step(guest, host);
            history.Add(what + " = " + results[1]);
            successes += results[1] == Errno.None ? 1 : 0;
            string problem = $"seed {seed}, step {step}: {what}: {results[0]}, host {results[1]}";
            Assert.True(results[0] == results[1], problem + "\n" + Tail(history));
            if (step % 50 == 49)
            {
                AssertSame(
                    seed, step, history, RandomTreeOperations.Describe(guest), RandomTreeOperations.Describe(host));
            }
        }

        Assert.InRange(successes, 200, 1500);
    }

    private static void AssertSame(int seed, int step, List<string> history, List<string> guest, List<string> host)
    {
        for (int i = 0; i < Math.Max(guest.Count, host.Count); i++)
        {
            string left = i < guest.Count ? guest[i] : "(nothing)";
            string right = i < host.Count ? host[i] : "(nothing)";
            Assert.True(left == right, $"seed {seed}, step {step}:\n  ours {left}\n  host {right}\n" + Tail(history));
        }
    }

    private static string Tail(List<string> history) =>
        string.Join('\n', history.GetRange(Math.Max(0, history.Count - 60), Math.Min(60, history.Count)));

    /// <summary>A lower tree made by random operations, and the host's overlay on it.</summary>
    private void Prepare(RandomTreeOperations operations)
    {
        Directory.CreateDirectory(Lower);
        Directory.CreateDirectory(Disk);
        Directory.CreateDirectory(Merged);
        HostTree lower = new(Lower);
        for (int i = 0; i < 300; i++)
        {
            operations.Step(lower);
        }

        AssertOk(HostMount.Mount("tmpfs", Disk, "tmpfs", 0, null));
        string upper = Path.Combine(Disk, "upper");
        string work = Path.Combine(Disk, "work");
        Directory.CreateDirectory(upper);
        Directory.CreateDirectory(work);
        string options = $"lowerdir={Lower},upperdir={upper},workdir={work}";
        options += ",redirect_dir=on,index=on,xino=on,metacopy=off";
        AssertOk(HostMount.Mount("overlay", Merged, "overlay", 0, options));
    }

    private GuestTree MakeGuest()
    {
        AssertOk(AttachPoint.Open(Lower, AttachFlags.ReadOnly, out AttachPoint? point));
        AssertOk(Server.Create([point!], out _server));
        GoferClient client = new(new InProcessTransport(_server!));
        GuestTree guest = new();
        GoferMountOptions options = new(GoferSharing.Exclusive, Lower);
        AssertOk(GoferSuperBlock.Mount(client, 0, options, guest.Vfs.AllocateDevice(), out GoferSuperBlock? lower));
        ulong device = guest.Vfs.AllocateDevice();
        AssertOk(OverlaySuperBlock.Create(guest.Task, guest.MakeTmpfs(), [lower!], device, out SuperBlock? root));
        guest.SetRoot(root!);
        return guest;
    }
}
