using System.Threading;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>References to a description.</summary>
public abstract partial class FileDescription
{
    private int _references = 1;

    /// <summary>Takes a reference while another is held.</summary>
    public void AddReference() => Interlocked.Increment(ref _references);

    /// <summary>Drops a reference; the last one releases the description.</summary>
    public void DropReference(Task? task)
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            Release();
        }
    }
}
