using System;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Proc;

/// <summary>Files that show a task's memory.</summary>
internal static class ProcMemoryFiles
{
    private const int PageBytes = 4096;

    /// <summary>Largest argument or environment area shown at once.</summary>
    private const ulong MaxAreaBytes = 2 << 20;

    private delegate Errno MemoryText(MemoryManager mm, StringBuilder text);

    /// <summary>Sizes of the address space; all zero for a task without memory.</summary>
    internal static MemoryTotals TotalsOf(Task target, out ProcessImage image, out MemoryUse use)
    {
        image = default;
        use = default;
        if (target.AcquireMm() is not { } mm)
        {
            return default;
        }

        MemoryTotals totals = mm.Totals;
        use = mm.MeasureUse();
        image = mm.Image;
        mm.DropUser();
        return totals;
    }

    internal static Errno Maps(ProcTaskContext context, Task target, Task reader, StringBuilder text) =>
        With(target, text, (mm, output) => Written(() => mm.WriteMaps(output, new MappingNamer(reader))));

    internal static Errno DetailedMaps(ProcTaskContext context, Task target, Task reader, StringBuilder text) =>
        With(target, text, (mm, output) => Written(() => mm.WriteSmaps(output, new MappingNamer(reader))));

    internal static Errno MapsSummary(ProcTaskContext context, Task target, Task reader, StringBuilder text) =>
        With(target, text, (mm, output) => Written(() => mm.WriteSmapsRollup(output)));

    internal static Errno Statm(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        MemoryTotals totals = TotalsOf(target, out ProcessImage image, out MemoryUse use);
        text.Append(totals.Size / PageBytes).Append(' ').Append(use.Resident / PageBytes).Append(' ');
        text.Append((use.File + use.Shared) / PageBytes).Append(' ').Append(TextBytes(in image) / PageBytes).Append(
            " 0 ");
        text.Append((totals.Data + totals.Stack) / PageBytes).Append(" 0\n");
        return Errno.None;
    }

    /// <summary>Pages of the program's own code in bytes (VmExe).</summary>
    internal static long TextBytes(in ProcessImage image)
    {
        ulong first = image.StartCode & ~((ulong)PageBytes - 1);
        ulong last = (image.EndCode + PageBytes - 1) & ~((ulong)PageBytes - 1);
        return last > first ? (long)(last - first) : 0;
    }

    internal static Errno AuxiliaryVector(ProcTaskContext context, Task target, Task reader, StringBuilder text) =>
        With(target, text, (mm, output) =>
        {
            output.Append(Encoding.Latin1.GetString(mm.Image.AuxiliaryVector ?? []));
            return Errno.None;
        });

    internal static Errno CommandLine(ProcTaskContext context, Task target, Task reader, StringBuilder text) =>
        With(target, text, (mm, output) => Area(mm, mm.Image.ArgumentStart, mm.Image.ArgumentEnd, output));

    internal static Errno Environment(ProcTaskContext context, Task target, Task reader, StringBuilder text) =>
        With(target, text, (mm, output) => Area(mm, mm.Image.EnvironmentStart, mm.Image.EnvironmentEnd, output));

    private static Errno Written(Action write)
    {
        write();
        return Errno.None;
    }

    /// <summary>A task without memory (zombie) has empty files.</summary>
    private static Errno With(Task target, StringBuilder text, MemoryText write)
    {
        if (target.AcquireMm() is not { } mm)
        {
            return Errno.None;
        }

        Errno errno = write(mm, text);
        mm.DropUser();
        return errno;
    }

    private static Errno Area(MemoryManager mm, ulong start, ulong end, StringBuilder text)
    {
        if (end <= start)
        {
            return Errno.None;
        }

        byte[] bytes = new byte[Math.Min(end - start, MaxAreaBytes)];
        mm.CopyInPartial(new GuestAddress(start), bytes, out int done);
        text.Append(Encoding.Latin1.GetString(bytes, 0, done));
        return Errno.None;
    }

    /// <summary>Paths as the reader sees them.</summary>
    private sealed class MappingNamer(Task reader) : IMappingNamer
    {
        public void AppendPath(StringBuilder text, FileDescription file) =>
            text.Append(reader.Kernel.Vfs.FormatLink(file, reader.FsContext.Root));
    }
}
