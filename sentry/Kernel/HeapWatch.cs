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
    /// <summary>What the heap may take beside the limit before it is collected: what the Sentry needs for itself, and
    /// garbage.</summary>
    private const ulong SlackBytes = 8UL << 20;

    /// <summary>What it may take beside the limit, collected, before a process is ended.</summary>
    private const ulong AllowanceBytes = 13UL << 20;

    /// <summary>The heap grows by so much before another collection is made for this.</summary>
    private const ulong GrowthBytes = 3UL << 20;

    // A handle and no WeakReference: that has a finalizer of its own, which may run before ours.
    private readonly GCHandle _kernel;
    private ulong _afterFull;

    private HeapWatch(GCHandle kernel) => _kernel = kernel;

    ~HeapWatch()
    {
        if (_kernel.Target is not GuestKernel kernel)
        {
            _kernel.Free();
            return;
        }

        Look(kernel);
        _ = new HeapWatch(_kernel) { _afterFull = _afterFull };
    }

    /// <summary>Begins to watch; ends with the kernel.</summary>
    internal static void Start(GuestKernel kernel) =>
        _ = new HeapWatch(GCHandle.Alloc(kernel, GCHandleType.Weak));

    private static bool IsAboveLimit(GuestKernel kernel, ulong heap, ulong besideBytes)
    {
        ulong limit = kernel.MemoryFile.LimitBytes;
        return limit <= ulong.MaxValue - besideBytes && heap > besideBytes
            && heap - besideBytes > limit - Math.Min(limit, kernel.MemoryFile.UsedBytes);
    }

    // What the host has given, and not only what is in use: holes and regions kept for later are memory too.
    private static ulong CommittedBytes() => (ulong)GC.GetGCMemoryInfo(GCKind.Any).TotalCommittedBytes;

    private void Look(GuestKernel kernel)
    {
        ulong heap = CommittedBytes();
        if (!IsAboveLimit(kernel, heap, SlackBytes))
        {
            _afterFull = 0;
            return;
        }

        if (_afterFull != 0 && heap < _afterFull + GrowthBytes)
        {
            return;
        }

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        heap = CommittedBytes();
        _afterFull = heap;
        if (IsAboveLimit(kernel, heap, AllowanceBytes))
        {
            kernel.OomKill();
        }
    }
}
