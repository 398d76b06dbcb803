using System.Threading;
using Sentry.Kernel;

namespace Sentry.Mm;

public sealed partial class MemoryManager
{
    private AioContextTable? _aioContexts;

    /// <summary>Asynchronous I/O contexts of this address space; null while none was made.</summary>
    public AioContextTable? AioContexts => Volatile.Read(ref _aioContexts);

    /// <summary>As <see cref="AioContexts"/>, made at the first use.</summary>
    internal AioContextTable EnsureAioContexts()
    {
        if (Volatile.Read(ref _aioContexts) is null)
        {
            Interlocked.CompareExchange(ref _aioContexts, new AioContextTable(), null);
        }

        return _aioContexts!;
    }
}
