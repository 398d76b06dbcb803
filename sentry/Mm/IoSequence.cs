using System;
using Abi.Linux;

namespace Sentry.Mm;

/// <summary>
/// Source or destination of one I/O operation, consumed from the front: guest ranges (an iovec) or a buffer of the Sentry. Files move
/// bytes only through it, so that guest memory is checked and touched in one place.
/// </summary>
public ref partial struct IoSequence
{
    /// <summary>A sequence over one guest range, already checked not to wrap.</summary>
    public static IoSequence FromGuest(MemoryManager mm, GuestRange range) => throw new NotImplementedException();

    /// <summary>A sequence over several guest ranges; the span must outlive the sequence.</summary>
    public static IoSequence FromGuest(MemoryManager mm, ReadOnlySpan<GuestRange> ranges) => throw new NotImplementedException();

    /// <summary>A sequence over a buffer of the Sentry (exec, sendfile, splice).</summary>
    public static IoSequence FromBuffer(Span<byte> buffer) => throw new NotImplementedException();

    /// <summary>Bytes not consumed yet.</summary>
    public readonly long Remaining => throw new NotImplementedException();

    /// <summary>Shortens the sequence to at most this many more bytes.</summary>
    public void Limit(long maxBytes) => throw new NotImplementedException();

    /// <summary>Moves bytes from the Sentry into the sequence (read side); stops at its end. EFAULT at a bad guest page, with <paramref name="done"/> counted.</summary>
    public Errno CopyOut(ReadOnlySpan<byte> source, out int done) => throw new NotImplementedException();

    /// <summary>Moves bytes from the sequence to the Sentry (write side); stops at its end.</summary>
    public Errno CopyIn(Span<byte> destination, out int done) => throw new NotImplementedException();

    /// <summary>Writes zeros into the sequence.</summary>
    public Errno ZeroOut(long maxBytes, out long done) => throw new NotImplementedException();

    /// <summary>Moves bytes from memory the Sentry holds mapped (page cache) into the sequence without an intermediate copy; safe against faults on both sides.</summary>
    public Errno CopyOutFrom(nuint address, long lengthBytes, out long done) => throw new NotImplementedException();

    /// <summary>Moves bytes from the sequence into memory the Sentry holds mapped.</summary>
    public Errno CopyInTo(nuint address, long lengthBytes, out long done) => throw new NotImplementedException();

    /// <summary>preadv from a host descriptor straight into the sequence; offset -1 reads at the descriptor's own position.</summary>
    public Errno ReadFromHost(int hostFd, long offset, long maxBytes, out long done) => throw new NotImplementedException();

    /// <summary>pwritev to a host descriptor straight from the sequence; offset -1 writes at the descriptor's own position.</summary>
    public Errno WriteToHost(int hostFd, long offset, long maxBytes, out long done) => throw new NotImplementedException();
}
