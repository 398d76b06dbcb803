using System.Threading;

namespace Sentry.Mm;

/// <summary>What one object has charged: the rest is given back when the object is dropped, or collected with its
/// namespace.</summary>
internal sealed class HeapCharge
{
    private readonly HeapAccount _account;
    private long _bytes;

    internal HeapCharge()
        : this(KernelHeap.Account)
    {
    }

    internal HeapCharge(HeapAccount account) => _account = account;

    ~HeapCharge() => Clear();

    /// <summary>As <see cref="HeapAccount.TryCharge"/>.</summary>
    internal bool TryAdd(long bytes)
    {
        bool fits = _account.TryCharge(bytes);
        Interlocked.Add(ref _bytes, fits ? bytes : 0);
        return fits;
    }

    /// <summary>Gives a part back.</summary>
    internal void Remove(long bytes)
    {
        Interlocked.Add(ref _bytes, -bytes);
        _account.Uncharge(bytes);
    }

    /// <summary>Gives back what is left.</summary>
    internal void Clear() => _account.Uncharge(Interlocked.Exchange(ref _bytes, 0));
}
