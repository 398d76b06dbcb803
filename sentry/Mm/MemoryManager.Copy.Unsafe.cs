using System;
using Abi.Linux;

namespace Sentry.Mm;

public sealed partial class MemoryManager
{
    /// <summary>As <see cref="CopyIn"/>, also saying how many bytes came before the fault.</summary>
    // SAFETY: the span is pinned for the copy, which writes at most its length.
    public unsafe Errno CopyInPartial(GuestAddress source, Span<byte> destination, out int done)
    {
        fixed (byte* target = destination)
        {
            Errno error = Transfer(
                source.Value, (nuint)target, (ulong)destination.Length, TransferKind.In, HostMemory.Safety.Mapped,
                    out ulong moved);
            done = (int)moved;
            return error;
        }
    }

    /// <summary>As <see cref="CopyOut"/>, also saying how many bytes were written before the fault.</summary>
    // SAFETY: the span is pinned for the copy, which reads at most its length.
    public unsafe Errno CopyOutPartial(GuestAddress destination, ReadOnlySpan<byte> source, out int done)
    {
        fixed (byte* from = source)
        {
            Errno error = Transfer(
                destination.Value, (nuint)from, (ulong)source.Length, TransferKind.Out, HostMemory.Safety.Mapped,
                    out ulong moved);
            done = (int)moved;
            return error;
        }
    }
}
