using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>Removal of PMAs. References go only after the platform has forgotten the translations.</summary>
public sealed partial class MemoryManager
{
    /// <summary>Drops translations of a mappable's range mapped at <paramref name="range"/>; called by mappables,
    /// without their own locks below MappableSet.</summary>
    public void InvalidateMapping(GuestRange range, InvalidateKind kind)
    {
        using (_activeLock.Enter())
        {
            DropPmasLocked(range, kind);
        }
    }

    /// <summary>Removes the PMAs of a range, or those among them that are no private copies.</summary>
    private void DropPmasLocked(GuestRange range, InvalidateKind kind)
    {
        int at = _pmas.FindAtOrAfter(range.Start);
        if (at == 0 || _pmas.Start(at) >= range.End)
        {
            return;
        }

        if (kind == InvalidateKind.KeepPrivateCopies)
        {
            DropSharedPmasLocked(at, range);
            return;
        }

        GuestRange hull = GuestRange.FromBounds(
            Math.Max(range.Start, _pmas.Start(at)),
            Math.Min(range.End, _pmas.End(_pmas.FindBefore(range.End))));
        bool forgotten = _addressSpace.Unmap(hull.Start, hull.Length) == Errno.None;
        while (at != 0 && _pmas.Start(at) < range.End)
        {
            at = _pmas.Isolate(at, range);
            int next = _pmas.Next(at);
            RemovePmaLocked(at, forgotten);
            at = next;
        }
    }

    private void DropSharedPmasLocked(int at, GuestRange range)
    {
        while (at != 0 && _pmas.Start(at) < range.End)
        {
            if (_pmas.Value(at).IsPrivate)
            {
                at = _pmas.Next(at);
                continue;
            }

            at = _pmas.Isolate(at, range);
            int next = _pmas.Next(at);
            GuestRange part = _pmas.Range(at);
            RemovePmaLocked(at, _addressSpace.Unmap(part.Start, part.Length) == Errno.None);
            at = next;
        }
    }

    /// <summary>When the platform could not forget the translations the references are kept for ever: lost memory is
    /// better than shared memory.</summary>
    private void RemovePmaLocked(int pma, bool forgotten)
    {
        Pma value = _pmas.Value(pma);
        ulong length = _pmas.Range(pma).Length;
        _pmas.Remove(pma);
        if (forgotten)
        {
            value.Backing.DropReference(value.Offset, length);
        }
    }

    /// <summary>Recomputes the rights of the PMAs of a range whose VMA now has <paramref name="access"/> and tells
    /// the platform, run by run.</summary>
    private Errno RestrictLocked(GuestRange range, MemoryAccess access)
    {
        Errno error = Errno.None;
        GuestRange run = default;
        MemoryAccess runAccess = MemoryAccess.None;
        int at = _pmas.FindAtOrAfter(range.Start);
        while (at != 0 && _pmas.Start(at) < range.End)
        {
            at = _pmas.Isolate(at, range);
            ref Pma value = ref _pmas.Value(at);
            MemoryAccess before = value.Access;
            value.Restrict(access);
            bool mapped = (value.Flags & PmaFlags.Unmapped) == 0;
            if (mapped && (before != value.Access || (!run.IsEmpty && value.Access == runAccess)))
            {
                Extend(ref run, ref runAccess, _pmas.Range(at), value.Access, ref error);
            }
            else if (mapped)
            {
                Flush(ref run, runAccess, ref error);
            }

            at = _pmas.Next(at);
        }

        Flush(ref run, runAccess, ref error);
        _pmas.MergeAll(range);
        return error;
    }

    /// <summary>Adds a part to the run of one Protect call; gaps in between hold no translations, so they may be
    /// covered.</summary>
    private void Extend(ref GuestRange run, ref MemoryAccess runAccess, GuestRange part, MemoryAccess access,
        ref Errno error)
    {
        if (!run.IsEmpty && runAccess == access)
        {
            run = GuestRange.FromBounds(run.Start, part.End);
            return;
        }

        Flush(ref run, runAccess, ref error);
        run = part;
        runAccess = access;
    }

    private void Flush(ref GuestRange run, MemoryAccess access, ref Errno error)
    {
        if (run.IsEmpty)
        {
            return;
        }

        Errno result = _addressSpace.Protect(run.Start, run.Length, access);
        error = error == Errno.None ? result : error;
        run = default;
    }
}
