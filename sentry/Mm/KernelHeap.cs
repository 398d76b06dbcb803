using System.Threading;

namespace Sentry.Mm;

/// <summary>
/// What guests make the Sentry keep on its own heap: names, link targets, bytes under way, tasks, locks. It counts
/// against the sandbox's memory limit as the pages of processes do. Who makes such an object charges it here, who frees
/// it gives the same back; sizes are rough. One account, because the process has one heap.
/// </summary>
public static class KernelHeap
{
    // A fall by this much is garbage worth collecting when the limit is not far.
    private const long CollectBytes = 32 << 20;
    private const int ObjectBytes = 32;

    private static long s_bytes;
    private static long s_peak;
    private static MemoryFile? s_memory;

    /// <summary>Bytes charged now.</summary>
    public static long Bytes => Volatile.Read(ref s_bytes);

    /// <summary>Bytes of a string: two for each character.</summary>
    public static long TextBytes(int length) => ObjectBytes + (2L * length);

    /// <summary>Whose limit counts; null for none.</summary>
    public static void BindTo(MemoryFile? memory) => Volatile.Write(ref s_memory, memory);

    /// <summary>True when the account counts against the limit of this file.</summary>
    internal static bool IsBoundTo(MemoryFile memory) => Volatile.Read(ref s_memory) == memory;

    /// <summary>
    /// Charges what stays when the process that made it ends (files and their names): false, and nothing charged, when
    /// there is no room. Not under leaf locks.
    /// </summary>
    public static bool TryCharge(long bytes)
    {
        long total = Interlocked.Add(ref s_bytes, bytes);
        if (Volatile.Read(ref s_memory) is { } memory && !memory.HasRoomForKernel(total))
        {
            Interlocked.Add(ref s_bytes, -bytes);
            return false;
        }

        NotePeak(total);
        return true;
    }

    /// <summary>
    /// Charges what goes with the process that made it (bytes in pipes and sockets): above the limit a process is
    /// ended.
    /// Not under leaf locks.
    /// </summary>
    public static void Charge(long bytes)
    {
        long total = Interlocked.Add(ref s_bytes, bytes);
        NotePeak(total);
        Volatile.Read(ref s_memory)?.NoteKernelUse(total - bytes, total);
    }

    /// <summary>Gives back what was charged. Under any lock.</summary>
    public static void Uncharge(long bytes)
    {
        long total = Interlocked.Add(ref s_bytes, -bytes);
        long peak = Volatile.Read(ref s_peak);
        if (peak - total > CollectBytes)
        {
            Volatile.Write(ref s_peak, total);
            Volatile.Read(ref s_memory)?.CollectIfNear(peak);
        }
    }

    /// <summary>A change of an account that is settled now and then, up or down.</summary>
    public static void Adjust(long change)
    {
        if (change > 0)
        {
            Charge(change);
        }
        else if (change < 0)
        {
            Uncharge(-change);
        }
    }

    // Two threads may lose the higher of two values: the collection comes a little later then.
    private static void NotePeak(long total)
    {
        if (total > Volatile.Read(ref s_peak))
        {
            Volatile.Write(ref s_peak, total);
        }
    }
}

/// <summary>What one object has charged: the rest is given back when the object is dropped, or collected with its
/// namespace.</summary>
internal sealed class HeapCharge
{
    private long _bytes;

    ~HeapCharge() => Clear();

    /// <summary>As <see cref="KernelHeap.TryCharge"/>.</summary>
    internal bool TryAdd(long bytes)
    {
        bool fits = KernelHeap.TryCharge(bytes);
        Interlocked.Add(ref _bytes, fits ? bytes : 0);
        return fits;
    }

    /// <summary>Gives a part back.</summary>
    internal void Remove(long bytes)
    {
        Interlocked.Add(ref _bytes, -bytes);
        KernelHeap.Uncharge(bytes);
    }

    /// <summary>Gives back what is left.</summary>
    internal void Clear() => KernelHeap.Uncharge(Interlocked.Exchange(ref _bytes, 0));
}
