using System;
using HostOs;
using Lisafs;

namespace Gofer;

/// <summary>
/// A file for the time of one request: a handle's own descriptor, or one opened for the request and closed after
/// it.
/// </summary>
internal readonly struct PinnedFile : IDisposable
{
    private readonly int _ownedFd;

    /// <summary>The handle's file.</summary>
    internal PinnedFile(ServerHandle handle)
    {
        Handle = handle;
        _ownedFd = -1;
        Fd = handle.Fd;
        FileType = handle.FileType;
    }

    /// <summary>A child of the handle's directory, opened as <paramref name="fd"/>.</summary>
    internal PinnedFile(ServerHandle directory, int fd, uint fileType)
    {
        Handle = directory;
        _ownedFd = fd;
        Fd = fd;
        FileType = fileType;
    }

    /// <summary>The handle it was reached through.</summary>
    internal ServerHandle Handle { get; }

    /// <summary>O_PATH descriptor.</summary>
    internal int Fd { get; }

    /// <summary>S_IFMT bits.</summary>
    internal uint FileType { get; }

    internal AttachPoint AttachPoint => Handle.AttachPoint;

    internal bool IsReadOnly => Handle.IsReadOnly;

    /// <summary>Ends the use.</summary>
    public void Dispose()
    {
        if (_ownedFd >= 0)
        {
            HostUnistd.Close(_ownedFd);
        }

        Handle.DropReference();
    }
}
