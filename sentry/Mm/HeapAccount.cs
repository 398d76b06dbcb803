using System.Threading;

namespace Sentry.Mm;

/// <summary>Bytes of the heap that count against the limit of a memory file, once bound to one.</summary>
internal sealed class HeapAccount
{
    // A fall by this much is garbage worth collecting when the limit is not far.
    private const long CollectBytes = 12 << 20;

    private long _bytes;
    private long _peak;
    private MemoryFile? _memory;

    /// <summary>Bytes charged now.</summary>
    internal long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Whose limit counts.</summary>
    internal void BindTo(MemoryFile memory)
    {
        memory.KernelAccount = this;
        Volatile.Write(ref _memory, memory);
    }

    internal bool IsBoundTo(MemoryFile memory) => Volatile.Read(ref _memory) == memory;

    /// <summary>The file goes; does nothing when the account is bound to another by now.</summary>
    internal void Unbind(MemoryFile memory) => Interlocked.CompareExchange(ref _memory, null, memory);

    /// <summary>
    /// Charges what stays when the process that made it ends (files and their names): false, and nothing charged, when
    /// there is no room. Threads that ask at the same time may all be let in. Not under leaf locks.
    /// </summary>
    internal bool TryCharge(long bytes)
    {
        if (Volatile.Read(ref _memory) is { } memory)
        {
            memory.CollectIfWanted();
            if (!memory.HasRoomForKernel(Bytes + bytes))
            {
                return false;
            }
        }

        NotePeak(Interlocked.Add(ref _bytes, bytes));
        return true;
    }

    /// <summary>
    /// Charges what goes with the process that made it (bytes in pipes and sockets): above the limit a process is
    /// ended. Not under leaf locks.
    /// </summary>
    internal void Charge(long bytes)
    {
        long total = Interlocked.Add(ref _bytes, bytes);
        NotePeak(total);
        if (Volatile.Read(ref _memory) is { } memory)
        {
            memory.CollectIfWanted();
            memory.NoteKernelUse(total - bytes, total);
        }
    }

    /// <summary>Gives back what was charged. Under any lock.</summary>
    internal void Uncharge(long bytes)
    {
        long total = Interlocked.Add(ref _bytes, -bytes);
        long peak = Volatile.Read(ref _peak);
        if (peak - total > CollectBytes)
        {
            Volatile.Write(ref _peak, total);
            Volatile.Read(ref _memory)?.CollectIfNear(peak);
        }
    }

    // Two threads may lose the higher of two values: the collection comes a little later then.
    private void NotePeak(long total)
    {
        if (total > Volatile.Read(ref _peak))
        {
            Volatile.Write(ref _peak, total);
        }
    }
}
