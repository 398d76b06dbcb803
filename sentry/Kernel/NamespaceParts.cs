using System;
using System.Collections.Generic;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>
/// What modules keep per namespace (names of sockets, message queues): one object per type, made when first asked
/// for.
/// </summary>
public sealed class NamespaceParts
{
    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly Dictionary<Type, object> _parts = new();

    /// <summary>The namespace's object of a type. Its constructor must not take locks.</summary>
    public T Get<T>()
        where T : class, new()
    {
        using (_lock.Enter())
        {
            if (_parts.TryGetValue(typeof(T), out object? part))
            {
                return (T)part;
            }

            T made = new();
            _parts.Add(typeof(T), made);
            return made;
        }
    }
}

public sealed partial class NetNamespace
{
    /// <summary>What the socket families keep here.</summary>
    public NamespaceParts Parts { get; } = new();
}

public sealed partial class IpcNamespace
{
    /// <summary>What System V IPC and POSIX message queues keep here.</summary>
    public NamespaceParts Parts { get; } = new();
}
