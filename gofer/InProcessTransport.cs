using System;
using Abi.Linux;
using Lisafs;

namespace Gofer;

/// <summary>
/// Calls a server of the same process: no socket, no second process, the host calls are made by the calling thread.
/// </summary>
public sealed class InProcessTransport(Server server) : ITransport
{
    /// <inheritdoc/>
    public Errno Call(
        ReadOnlySpan<byte> request, Span<byte> answer, Span<int> descriptors, out int answerBytes,
        out int descriptorCount)
    {
        answerBytes = server.Dispatch(request, answer, descriptors, out descriptorCount).Length;
        return Errno.None;
    }
}
