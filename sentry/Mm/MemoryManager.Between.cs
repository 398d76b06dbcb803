using System;
using Abi.Linux;
using HostOs;
using Platform;

namespace Sentry.Mm;

/// <summary>Copies between this address space and a sequence over another one (process_vm_readv(2),
/// ptrace(2)).</summary>
public sealed partial class MemoryManager
{
    private int _membarrierRegistrations;

    /// <summary>MEMBARRIER_CMD_REGISTER_* bits of the processes that use the address space; fork copies them, execve
    /// starts anew.</summary>
    public int MembarrierRegistrations => System.Threading.Volatile.Read(ref _membarrierRegistrations);

    /// <summary>Adds registrations.</summary>
    public void RegisterMembarrier(int commands) =>
        System.Threading.Interlocked.Or(ref _membarrierRegistrations, commands);

    /// <summary>Reads a range of this address space into a sequence of another; EFAULT with <paramref name="done"/>
    /// counted.</summary>
    public Errno ReadInto(GuestRange source, ref IoSequence destination, out long done) =>
        Between(source, ref destination, MemoryAccess.Read, out done);

    /// <summary>Writes a range of this address space from a sequence of another; EFAULT with <paramref name="done"/>
    /// counted.</summary>
    public Errno WriteFrom(GuestRange destination, ref IoSequence source, out long done) =>
        Between(destination, ref source, MemoryAccess.Write, out done);

    private Errno Between(GuestRange range, ref IoSequence other, MemoryAccess access, out long done)
    {
        done = 0;
        Span<HostIovec> vector = stackalloc HostIovec[MaximumPieces];
        while ((ulong)done < range.Length && other.Remaining > 0)
        {
            ulong length = Math.Min(range.Length - (ulong)done, Math.Min((ulong)other.Remaining, UnlockedCopyBytes));
            ulong start = range.Start + (ulong)done;
            PinnedPieces pieces = default;
            Errno error = Pin(GuestRange.FromBounds(start, start + length), access, ref pieces, vector);
            for (int i = 0; i < pieces.Count && error == Errno.None; i++)
            {
                long moved;
                error = (access & MemoryAccess.Write) != 0
                    ? other.CopyInTo((nuint)vector[i].Base, (long)vector[i].Length, out moved)
                    : other.CopyOutFrom((nuint)vector[i].Base, (long)vector[i].Length, out moved);
                done += moved;
            }

            Unpin(ref pieces, access);
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }
}
