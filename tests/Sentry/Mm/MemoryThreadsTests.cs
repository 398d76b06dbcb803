using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Platform;
using Sentry.Mm;
using Xunit;
using Xunit.Abstractions;

namespace Tests.Sentry.Mm;

/// <summary>Threads of one address space: each works in a part of its own, while others fork, truncate and
/// reclaim.</summary>
public sealed class MemoryThreadsTests(ITestOutputHelper output)
{
    private const ulong Page = GuestAddress.PageSize;
    private const ulong ArenaBytes = 64ul << 20;
    private const int Rounds = 300;
    private const MemoryAccess ReadWrite = MemoryAccess.Read | MemoryAccess.Write;

    private readonly List<Exception> _failures = [];

    [Fact]
    public void Threads_do_not_disturb_each_other()
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        Assert.Equal(Errno.None, MemoryFile.Create(4ul << 30, ulong.MaxValue, out MemoryFile? file));
        using MemoryFile memory = file!;
        MemoryLayoutRequest layout = default;
        MemoryManager.Create(new TestPlatform(), memory, new TestLimits(), in layout, out MemoryManager? mm);
        SharedMemoryObject shared = new(memory, 64 * Page, SharedMemoryUse.File);
        List<Thread> threads = [];
        for (int i = 0; i < 3; i++)
        {
            int number = i;
            threads.Add(Start(() => Work(mm!, memory, number, new Random(seed + number))));
        }

        threads.Add(Start(() => ForkAndDrop(mm!)));
        threads.Add(Start(() => Resize(mm!, memory, shared, new Random(seed + 100))));
        foreach (Thread thread in threads)
        {
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "a thread hangs");
        }

        Assert.Empty(_failures);
        mm!.DropUser();
        shared.DropOwner();
        Assert.Equal(0ul, memory.AllocatedBytes(MemoryKind.Anonymous));
        Assert.Equal(0ul, memory.AllocatedBytes(MemoryKind.Shared));
    }

    private Thread Start(Action body)
    {
        Thread thread = new(() =>
        {
            try
            {
                body();
            }
            catch (Exception failure)
            {
                lock (_failures)
                {
                    _failures.Add(failure);
                }
            }
        });
        thread.Start();
        return thread;
    }

    private static void Work(MemoryManager mm, MemoryFile memory, int number, Random random)
    {
        TestGuest guest = new(mm, memory);
        ulong arena = 0x200000000 + ((ulong)number * ArenaBytes);
        for (int round = 0; round < Rounds; round++)
        {
            ulong bytes = (ulong)(1 + random.Next(300)) * Page;
            MapRequest request = new()
            {
                Address = new GuestAddress(arena),
                Placement = MapPlacement.Fixed,
                LengthBytes = bytes,
                Access = ReadWrite,
                MaxAccess = ReadWrite,
            };
            Assert.Equal(Errno.None, mm.Map(in request, out _));
            ulong at = arena + (ulong)random.NextInt64((long)bytes);
            Assert.Equal(0, guest.Store(at, (byte)round));
            Assert.Equal(Errno.None, mm.Read(new GuestAddress(at), out byte seen));
            Assert.Equal((byte)round, seen);
            Assert.Equal(Errno.None, mm.Write(new GuestAddress(at), (byte)(round + 1)));
            Assert.Equal(0, guest.Load(at, out seen));
            Assert.Equal((byte)(round + 1), seen);
            Assert.Equal(Errno.None, mm.Protect(new GuestAddress(arena), bytes, MemoryAccess.Read));
            Assert.Equal(Errno.None, mm.Unmap(new GuestAddress(arena), bytes));
        }
    }

    private static void ForkAndDrop(MemoryManager mm)
    {
        for (int round = 0; round < Rounds; round++)
        {
            Assert.Equal(Errno.None, mm.Fork(out MemoryManager? child));
            child!.DropUser();
        }
    }

    private static void Resize(MemoryManager mm, MemoryFile memory, SharedMemoryObject shared, Random random)
    {
        TestGuest guest = new(mm, memory);
        MapRequest request = new()
        {
            LengthBytes = 64 * Page,
            Access = ReadWrite,
            MaxAccess = ReadWrite,
            Flags = VmaFlags.Shared,
            Mappable = shared,
        };
        Assert.Equal(Errno.None, mm.Map(in request, out GuestAddress start));
        for (int round = 0; round < Rounds; round++)
        {
            ulong pages = (ulong)random.Next(64);
            Assert.Equal(Errno.None, shared.Truncate(pages * Page));
            ulong page = (ulong)random.Next(64);
            Assert.Equal(page < pages ? 0 : Signals.SIGBUS, guest.Store(start.Value + (page * Page), 1));
        }

        Assert.Equal(Errno.None, mm.Unmap(start, 64 * Page));
    }
}
