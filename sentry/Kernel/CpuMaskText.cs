using System.Globalization;
using System.Text;

namespace Sentry.Kernel;

/// <summary>Sets of CPUs as /proc writes them (cpuset(7), "Mask format" and "List format").</summary>
public static class CpuMaskText
{
    private const int BitsPerGroup = 32;
    private const int BitsPerWord = 64;

    /// <summary>Groups of 32 bits in hexadecimal, the first with as many digits as the CPUs need.</summary>
    public static string Mask(ulong[] mask, int cpuCount)
    {
        StringBuilder text = new();
        for (int group = (cpuCount - 1) / BitsPerGroup; group >= 0; group--)
        {
            int first = group * BitsPerGroup;
            uint bits = (uint)(mask[first / BitsPerWord] >> (first % BitsPerWord));
            int digits = int.Min((cpuCount - first + 3) / 4, BitsPerGroup / 4);
            text.Append(text.Length == 0 ? "" : ",");
            text.Append(bits.ToString("x" + digits, CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    /// <summary>Ranges: "0-3,8".</summary>
    public static string List(ulong[] mask, int cpuCount)
    {
        StringBuilder text = new();
        for (int cpu = 0; cpu < cpuCount; cpu++)
        {
            if (!Has(mask, cpu))
            {
                continue;
            }

            int last = cpu;
            while (last + 1 < cpuCount && Has(mask, last + 1))
            {
                last++;
            }

            text.Append(text.Length == 0 ? "" : ",").Append(cpu);
            text.Append(last == cpu ? "" : "-" + last.ToString(CultureInfo.InvariantCulture));
            cpu = last;
        }

        return text.ToString();
    }

    private static bool Has(ulong[] mask, int cpu) => (mask[cpu / BitsPerWord] >> (cpu % BitsPerWord) & 1) != 0;
}
