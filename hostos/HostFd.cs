using System;
using System.Threading;

namespace HostOs;

/// <summary>
/// Owner of one host descriptor: closes it once. -1 after <see cref="Release"/> or <see cref="Dispose"/>.
/// </summary>
public sealed class HostFd : IDisposable
{
    private int _value;

    public HostFd(int value)
    {
        _value = value;
    }

    /// <summary>The descriptor; still owned by this object.</summary>
    public int Value => _value;

    /// <summary>Gives the descriptor away: the caller owns it now.</summary>
    public int Release() => Interlocked.Exchange(ref _value, -1);

    public void Dispose()
    {
        int value = Release();
        if (value >= 0)
        {
            HostUnistd.Close(value);
        }
    }
}
