using System;
using System.Text;
using Sentry.Mm;

namespace Sentry.Kernel;

public sealed partial class Task
{
    /// <summary>The arguments as the program may have changed them, NUL after each (/proc/pid/cmdline), cut to
    /// <paramref
    /// name="limit"/> bytes; "" without memory. Any thread.</summary>
    public string CommandLine(int limit)
    {
        if (AcquireMm() is not { } mm)
        {
            return "";
        }

        ulong start = mm.Image.ArgumentStart;
        ulong end = mm.Image.ArgumentEnd;
        byte[] bytes = new byte[end > start ? (int)Math.Min(end - start, (ulong)limit) : 0];
        mm.CopyInPartial(new GuestAddress(start), bytes, out int done);
        mm.DropUser();
        return Encoding.Latin1.GetString(bytes, 0, done);
    }
}
