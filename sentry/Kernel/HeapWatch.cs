using System;
using System.Runtime.InteropServices;

namespace Sentry.Kernel;

/// <summary>
/// The net under <see cref="Mm.KernelHeap"/>: looks at the heap itself after collections, for what nobody charged. Its
/// finalizer runs after the next collection of any kind and leaves a successor, so nothing polls and an idle sandbox
/// stays idle. Only full collections tell garbage apart, so one is made before anybody is blamed.
/// </summary>
internal sealed class HeapWatch
{
    /// <summary>What the heap may hold beside the limit: the Sentry's own start-up needs and garbage.</summary>
    private const ulong AllowanceBytes = 64UL << 20;

    /// <summary>The heap grows by a part of itself before another full collection is made for this.</summary>
    private const int GrowthShift = 3;

    // A handle and no WeakReference: that has a finalizer of its own, which may run before ours.
    private readonly GCHandle _kernel;
    private int _fullCollections;
    private ulong _heapAfterFull;

    private HeapWatch(GCHandle kernel) => _kernel = kernel;

    ~HeapWatch()
    {
        if (_kernel.Target is not GuestKernel kernel)
        {
            _kernel.Free();
            return;
        }

        Look(kernel);
        _ = new HeapWatch(_kernel) { _fullCollections = _fullCollections, _heapAfterFull = _heapAfterFull };
    }

    /// <summary>Begins to watch; ends with the kernel.</summary>
    internal static void Start(GuestKernel kernel) =>
        _ = new HeapWatch(GCHandle.Alloc(kernel, GCHandleType.Weak));

    private static bool IsAboveLimit(GuestKernel kernel, ulong heap)
    {
        ulong limit = kernel.MemoryFile.LimitBytes;
        return limit <= ulong.MaxValue - AllowanceBytes && heap > AllowanceBytes
            && heap - AllowanceBytes > limit - Math.Min(limit, kernel.MemoryFile.UsedBytes);
    }

    private void Look(GuestKernel kernel)
    {
        ulong heap = (ulong)GC.GetTotalMemory(forceFullCollection: false);
        bool isAfterFull = GC.CollectionCount(GC.MaxGeneration) != _fullCollections;
        if (!isAfterFull)
        {
            if (!IsAboveLimit(kernel, heap) || heap < _heapAfterFull + (_heapAfterFull >> GrowthShift))
            {
                return;
            }

            GC.Collect();
            heap = (ulong)GC.GetTotalMemory(forceFullCollection: false);
        }

        _fullCollections = GC.CollectionCount(GC.MaxGeneration);
        _heapAfterFull = heap;
        if (IsAboveLimit(kernel, heap))
        {
            kernel.OomKill();
        }
    }
}
