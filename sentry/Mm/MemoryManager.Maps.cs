using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Platform;
using Sentry.Vfs;

namespace Sentry.Mm;

/// <summary>Names the files in /proc/pid/maps as the reader sees them (mount namespace, root, " (deleted)").</summary>
public interface IMappingNamer
{
    /// <summary>Appends the path of a mapped file.</summary>
    void AppendPath(StringBuilder text, FileDescription file);
}

/// <summary>/proc/pid/maps and smaps (fs/proc/task_mmu.c).</summary>
public sealed partial class MemoryManager
{
    private const int NameColumn = 73;

    /// <summary>Appends the text of /proc/pid/maps.</summary>
    public void WriteMaps(StringBuilder text, IMappingNamer namer)
    {
        foreach (MapLine line in TakeLines(MapDetail.Place))
        {
            WriteLine(text, namer, in line);
            line.Vma.File?.DropReference(null);
        }
    }

    /// <summary>Appends the text of /proc/pid/smaps.</summary>
    public void WriteSmaps(StringBuilder text, IMappingNamer namer)
    {
        foreach (MapLine line in TakeLines(MapDetail.Use))
        {
            WriteLine(text, namer, in line);
            line.Vma.File?.DropReference(null);
            Line(text, "Size:", line.Range.Length);
            Line(text, "KernelPageSize:", PageSize);
            Line(text, "MMUPageSize:", PageSize);
            WriteUse(text, in line.Use, line.Vma.Has(VmaFlags.Locked));
            text.Append("THPeligible:           0\n");
            WriteFlags(text, in line.Vma);
        }
    }

    /// <summary>Appends the text of /proc/pid/smaps_rollup.</summary>
    public void WriteSmapsRollup(StringBuilder text)
    {
        using (EnterMapping())
        {
            MemoryUse use = default;
            int first = _vmas.First;
            if (first == 0)
            {
                return;
            }

            using (_activeLock.Enter())
            {
                CountLocked(GuestRange.FromBounds(0, TopAddress), ref use);
            }

            int start = text.Length;
            text.Append(CultureInfo.InvariantCulture,
                $"{_vmas.Start(first):x8}-{_vmas.End(_vmas.Last):x8} ---p 00000000 00:00 0 ");
            text.Append(' ', System.Math.Max(0, NameColumn - (text.Length - start))).Append("[rollup]\n");
            WriteUse(text, in use, locked: false);
        }
    }

    /// <summary>
    /// Copies the VMAs: names are looked up without the lock, because the tree of mounts is above it. Each file is
    /// referenced once.
    /// </summary>
    private List<MapLine> TakeLines(MapDetail detail)
    {
        List<MapLine> lines = new();
        ulong startStack = Image.StartStack;
        using (EnterMapping())
        {
            for (int vma = _vmas.First; vma != 0; vma = _vmas.Next(vma))
            {
                MapLine line = new() { Range = _vmas.Range(vma), Vma = _vmas.Value(vma) };
                line.Vma.File?.AddReference();
                line.Name = NameLocked(vma, startStack);
                if (detail == MapDetail.Use)
                {
                    using (_activeLock.Enter())
                    {
                        CountLocked(line.Range, ref line.Use);
                    }
                }

                lines.Add(line);
            }
        }

        return lines;
    }

    private string? NameLocked(int vma, ulong startStack)
    {
        ref Vma value = ref _vmas.Value(vma);
        if (value.Name is not null || !value.IsAnonymous)
        {
            return value.Name;
        }

        ulong start = _vmas.Start(vma);
        ulong end = _vmas.End(vma);
        if (start <= _brk && end >= _brkStart && _brk > _brkStart)
        {
            return "[heap]";
        }

        return start <= startStack && end >= startStack && startStack != 0 ? "[stack]" : null;
    }

    private static void WriteLine(StringBuilder text, IMappingNamer namer, in MapLine line)
    {
        ref readonly Vma value = ref line.Vma;
        (ulong device, ulong inode) = value.Mappable?.Identity ?? (0, 0);
        ulong major = ((device >> 8) & 0xfff) | ((device >> 32) & ~0xffful);
        ulong minor = (device & 0xff) | ((device >> 12) & 0xffffff00);
        bool special = value.Has(VmaFlags.Special);
        ulong offset = value.Mappable is null || special ? 0 : value.Offset;
        int start = text.Length;
        text.Append(CultureInfo.InvariantCulture, $"{line.Range.Start:x8}-{line.Range.End:x8} ")
            .Append((value.Access & MemoryAccess.Read) != 0 ? 'r' : '-')
            .Append((value.Access & MemoryAccess.Write) != 0 ? 'w' : '-')
            .Append((value.Access & MemoryAccess.Execute) != 0 ? 'x' : '-')
            .Append(value.IsPrivate || special ? 'p' : 's')
            .Append(CultureInfo.InvariantCulture, $" {offset:x8} {major:x2}:{minor:x2} {inode} ");
        if (value.File is not null || line.Name is not null)
        {
            text.Append(' ', System.Math.Max(0, NameColumn - (text.Length - start)));
        }

        if (value.File is not null)
        {
            namer.AppendPath(text, value.File);
        }
        else
        {
            text.Append(line.Name);
        }

        text.Append('\n');
    }

    private static void Line(StringBuilder text, string name, ulong bytes) => text.Append(name)
        .Append(' ', 16 - name.Length)
        .Append(CultureInfo.InvariantCulture, $"{bytes >> 10,8} kB\n");

    private static void WriteUse(StringBuilder text, in MemoryUse use, bool locked)
    {
        ulong dirty = use.Anonymous + use.Shared;
        ulong sharedDirty =
            System.Math.Min(use.SharedWithOthers - System.Math.Min(use.SharedWithOthers, use.File), dirty);
        Line(text, "Rss:", use.Resident);
        Line(text, "Pss:", use.Proportional);
        Line(text, "Pss_Dirty:", use.Proportional - System.Math.Min(use.Proportional, use.File / 2));
        Line(text, "Shared_Clean:", use.File);
        Line(text, "Shared_Dirty:", sharedDirty);
        Line(text, "Private_Clean:", 0);
        Line(text, "Private_Dirty:", dirty - sharedDirty);
        Line(text, "Referenced:", use.Resident);
        Line(text, "Anonymous:", use.Anonymous);
        Line(text, "KSM:", 0);
        Line(text, "LazyFree:", 0);
        Line(text, "AnonHugePages:", 0);
        Line(text, "ShmemPmdMapped:", 0);
        Line(text, "FilePmdMapped:", 0);
        Line(text, "Shared_Hugetlb:", 0);
        Line(text, "Private_Hugetlb:", 0);
        Line(text, "Swap:", 0);
        Line(text, "SwapPss:", 0);
        Line(text, "Locked:", locked ? use.Proportional : 0);
    }

    /// <summary>Two-letter names of the flags (fs/proc/task_mmu.c: show_smap_vma_flags).</summary>
    private static void WriteFlags(StringBuilder text, in Vma vma)
    {
        text.Append("VmFlags: ");
        Flag(text, (vma.Access & MemoryAccess.Read) != 0, "rd ");
        Flag(text, (vma.Access & MemoryAccess.Write) != 0, "wr ");
        Flag(text, (vma.Access & MemoryAccess.Execute) != 0, "ex ");
        Flag(text, !vma.IsPrivate && !vma.Has(VmaFlags.Special), "sh ");
        Flag(text, (vma.MaxAccess & MemoryAccess.Read) != 0, "mr ");
        Flag(text, (vma.MaxAccess & MemoryAccess.Write) != 0, "mw ");
        Flag(text, (vma.MaxAccess & MemoryAccess.Execute) != 0, "me ");
        Flag(text, !vma.IsPrivate && !vma.Has(VmaFlags.Special), "ms ");
        Flag(text, vma.Has(VmaFlags.GrowsDown), "gd ");
        Flag(text, vma.Has(VmaFlags.Locked), "lo ");
        Flag(text, vma.Has(VmaFlags.Sequential), "sr ");
        Flag(text, vma.Has(VmaFlags.Random), "rr ");
        Flag(text, vma.Has(VmaFlags.DontFork), "dc ");
        Flag(text, vma.Has(VmaFlags.Special), "de ");
        Flag(text, vma.IsPrivate && !vma.Has(VmaFlags.NoReserve) && (vma.Access & MemoryAccess.Write) != 0, "ac ");
        Flag(text, vma.Has(VmaFlags.NoReserve), "nr ");
        Flag(text, vma.Has(VmaFlags.WipeOnFork), "wf ");
        Flag(text, vma.Has(VmaFlags.DontDump), "dd ");
        Flag(text, vma.Has(VmaFlags.HugePage), "hg ");
        Flag(text, vma.Has(VmaFlags.NoHugePage), "nh ");
        Flag(text, vma.Has(VmaFlags.Mergeable), "mg ");
        Flag(text, vma.Has(VmaFlags.Sealed), "sl ");
        text.Append('\n');
    }

    private static void Flag(StringBuilder text, bool set, string name)
    {
        if (set)
        {
            text.Append(name);
        }
    }

    private enum MapDetail
    {
        Place,
        Use,
    }

    private struct MapLine
    {
        public GuestRange Range;
        public Vma Vma;
        public string? Name;
        public MemoryUse Use;
    }
}
