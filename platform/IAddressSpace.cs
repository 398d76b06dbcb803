using System;
using Abi.Linux;

namespace Platform;

/// <summary>What the guest may do with a mapped range. Execute implies read on x86-64.</summary>
[Flags]
public enum MemoryAccess
{
    None = 0,
    Read = 1,
    Write = 2,
    Execute = 4,
}

/// <summary>
/// The host side of one guest address space: a cache of translations that the memory manager may fill and drop as it
/// likes.
/// VMAs, copy-on-write and accounting are the Sentry's. Thread-safe; calls on one address space are serialised inside.
/// All addresses and lengths are multiples of the page size and lie below <see cref="IPlatform.MaxUserAddress"/>.
/// </summary>
public interface IAddressSpace : IDisposable
{
    /// <summary>
    /// Maps <paramref name="lengthBytes"/> bytes of host descriptor <paramref name="hostFd"/> from <paramref
    /// name="fileOffset"/>, shared,
    /// at <paramref name="address"/>, replacing what was there. May be deferred to the next switch of a context into
    /// this address space.
    /// The descriptor must stay open until the call returns; a platform that defers keeps its own duplicate.
    /// </summary>
    Errno Map(ulong address, ulong lengthBytes, int hostFd, ulong fileOffset, MemoryAccess access, MapHint hint);

    /// <summary>
    /// Drops every translation in the range. When it returns no context can reach the old memory through this address
    /// space:
    /// contexts running guest code have been made to forget it, those outside will before they run again.
    /// </summary>
    Errno Unmap(ulong address, ulong lengthBytes);

    /// <summary>
    /// Narrows or widens access on translations present in the range without changing what they point to; holes are
    /// skipped. Same visibility rule as <see cref="Unmap"/>.
    /// </summary>
    Errno Protect(ulong address, ulong lengthBytes, MemoryAccess access);

    /// <summary>
    /// Makes ready what one more context needs to run here. EAGAIN or ENOMEM: the host gives no more; a context that
    /// comes all the same may find its address space dead.
    /// </summary>
    Errno Reserve() => Errno.None;
}

/// <summary>Advice that goes with <see cref="IAddressSpace.Map"/>; never changes semantics.</summary>
[Flags]
public enum MapHint
{
    /// <summary>Translations may be filled on demand.</summary>
    None = 0,

    /// <summary>The whole range will be used soon: fill it now.</summary>
    Populate = 1,

    /// <summary>
    /// What is mapped changes only through this mapping: another way to write it, if there is one, may go unseen until
    /// the range is mapped again.
    /// </summary>
    Private = 2,
}
