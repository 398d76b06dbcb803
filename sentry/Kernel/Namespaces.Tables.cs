using System;
using System.Text;

namespace Sentry.Kernel;

/// <summary>Tables of a network namespace.</summary>
public sealed partial class NetNamespace
{
    /// <summary>Writes the rows of /proc/net/unix; null while there is no socket.</summary>
    public Action<StringBuilder>? UnixSocketTable { get; set; }
}
