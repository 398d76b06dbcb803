namespace Sentry.Mm;

/// <summary>
/// What guests make the Sentry keep on its own heap: names, link targets, bytes under way, tasks, locks. It counts
/// against the sandbox's memory limit as the pages of processes do. Who makes such an object charges it here, who frees
/// it gives the same back; sizes are rough, rather too much than too little. One account, because the process has one
/// heap.
/// </summary>
public static class KernelHeap
{
    private const int ObjectBytes = 32;

    /// <summary>The one account.</summary>
    internal static HeapAccount Account { get; } = new();

    /// <summary>Bytes charged now.</summary>
    public static long Bytes => Account.Bytes;

    /// <summary>Bytes of a string: two for each character.</summary>
    public static long TextBytes(int length) => ObjectBytes + (2L * length);

    /// <inheritdoc cref="HeapAccount.TryCharge"/>
    public static bool TryCharge(long bytes) => Account.TryCharge(bytes);

    /// <inheritdoc cref="HeapAccount.Charge"/>
    public static void Charge(long bytes) => Account.Charge(bytes);

    /// <inheritdoc cref="HeapAccount.Uncharge"/>
    public static void Uncharge(long bytes) => Account.Uncharge(bytes);

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
}
