using System;

namespace Runsc.Systemd;

/// <summary>An error that the service manager answers a call with.</summary>
internal sealed class SystemdException(string member, string name, string text)
    : Exception("systemd: " + member + ": " + (text.Length > 0 ? text : name))
{
    /// <summary>Its name on the bus.</summary>
    internal string Name { get; } = name;
}
