using System;
using System.Runtime.InteropServices;

namespace Sentry.Kernel;

/// <summary>
/// Looks at the Sentry's own heap after collections: what guests make it hold (bytes in pipes and sockets, queued
/// events, file names) counts against the sandbox's memory limit too. The finalizer runs after each collection that
/// looks at its generation, so nothing polls and an idle sandbox stays idle. Only full collections tell garbage apart.
/// </summary>
internal sealed class HeapWatch
{
    /// <summary>What the heap may hold beside the limit: the Sentry's own start-up needs and garbage.</summary>
    private const ulong AllowanceBytes = 64UL << 20;

    // A handle and no WeakReference: that has a finalizer of its own, which may run before ours.
    private GCHandle _kernel;
    private int _fullCollections;

    private HeapWatch(GuestKernel kernel) => _kernel = GCHandle.Alloc(kernel, GCHandleType.Weak);

    ~HeapWatch()
    {
        if (_kernel.Target is not GuestKernel kernel)
        {
            _kernel.Free();
            return;
        }

        int count = GC.CollectionCount(GC.MaxGeneration);
        if (count != _fullCollections)
        {
            _fullCollections = count;
            CheckHeap(kernel);
        }

        GC.ReRegisterForFinalize(this);
    }

    /// <summary>Begins to watch; ends with the kernel.</summary>
    internal static void Start(GuestKernel kernel) => _ = new HeapWatch(kernel);

    private static void CheckHeap(GuestKernel kernel)
    {
        ulong heap = (ulong)GC.GetTotalMemory(forceFullCollection: false);
        ulong limit = kernel.MemoryFile.LimitBytes;
        if (limit <= ulong.MaxValue - AllowanceBytes && heap > AllowanceBytes
            && heap - AllowanceBytes > limit - Math.Min(limit, kernel.MemoryFile.UsedBytes))
        {
            kernel.OomKill();
        }
    }
}
