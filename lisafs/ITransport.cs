using System;
using Abi.Linux;

namespace Lisafs;

/// <summary>
/// Carries one call to a server and its answer back: over a socket to the gofer process, or straight into a server
/// of the same process. Any number of threads call at once.
/// </summary>
public interface ITransport
{
    /// <summary>
    /// Sends the request (a whole message) and receives an answer into <paramref name="answer"/> and <paramref
    /// name="descriptors"/> (the caller owns what arrives). EIO when the server is gone or breaks the protocol; the
    /// server's own error otherwise.
    /// </summary>
    Errno Call(
        ReadOnlySpan<byte> request, Span<byte> answer, Span<int> descriptors, out int answerBytes,
        out int descriptorCount);
}
