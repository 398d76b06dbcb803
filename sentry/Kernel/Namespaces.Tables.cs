using System;
using System.Collections.Generic;
using System.Text;

namespace Sentry.Kernel;

// What the file systems show of objects that other parts keep: each part registers the writer of its table.
public sealed partial class IpcNamespace
{
    private readonly Dictionary<string, Action<Task, StringBuilder>> _tables = [];

    /// <summary>Registers the text of /proc/sysvipc/<paramref name="name"/> (msg, sem, shm).</summary>
    public void SetTable(string name, Action<Task, StringBuilder> write) => _tables[name] = write;

    /// <summary>Writer of a table; null while nothing of its kind was made.</summary>
    public Action<Task, StringBuilder>? Table(string name) => _tables.GetValueOrDefault(name);
}

/// <summary>Tables of a network namespace.</summary>
public sealed partial class NetNamespace
{
    /// <summary>Writes the rows of /proc/net/unix; null while there is no socket.</summary>
    public Action<StringBuilder>? UnixSocketTable { get; set; }
}
