using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Sentry.Fs.Proc;

/// <summary>/proc/cpuinfo from CPUID (SDM vol. 2, CPUID; AMD APM vol. 3, appendix E), in Linux's words
/// (arch/x86/kernel/cpu/proc.c).</summary>
internal static class CpuDescription
{
    private static readonly string s_common = Describe();

    private static readonly (int Leaf, int SubLeaf, int Register, string Names)[] s_flags =
    [
        (1, 0, 3,
            "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - "
                + "dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"),
        (unchecked((int)0x80000001), 0, 3,
            "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - "
                + "lm 3dnowext 3dnow"),
        (1, 0, 2,
            "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - "
                + "pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand "
                + "hypervisor"),
        (unchecked((int)0x80000001), 0, 2,
            "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs "
                + "xop skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext "
                + "ptsc perfctr_llc mwaitx"),
        (7, 0, 1,
            "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a "
                + "avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er "
                + "avx512cd sha_ni avx512bw avx512vl"),
        (13, 1, 0, "xsaveopt xsavec xgetbv1 xsaves"),
        (unchecked((int)0x80000008), 0, 1, "clzero irperf xsaveerptr"),
        (7, 0, 2,
            "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni "
                + "avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid"),
        (7, 0, 3, "- - - - fsrm"),
    ];

    /// <summary>Appends the paragraph of one CPU.</summary>
    internal static void Append(StringBuilder text, int cpu, int count)
    {
        text.Append("processor\t: ").Append(cpu).Append('\n').Append(s_common);
        text.Append("physical id\t: 0\nsiblings\t: ").Append(count).Append("\ncore id\t\t: ").Append(cpu);
        text.Append("\ncpu cores\t: ").Append(count).Append("\napicid\t\t: ").Append(cpu).Append(
            "\ninitial apicid\t: ").Append(cpu);
        text.Append("\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: ").Append(Leaf(0, 0)[0]).Append(
            "\nwp\t\t: yes\nflags\t\t:");
        AppendFlags(text);
        text.Append("\nbugs\t\t:\nbogomips\t: 4800.00\nclflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: ");
        int sizes = Leaf(unchecked((int)0x80000008), 0)[0];
        text.Append(sizes & 0xff).Append(" bits physical, ").Append(sizes >> 8 & 0xff).Append(
            " bits virtual\npower management:\n\n");
    }

    private static int[] Leaf(int leaf, int subLeaf)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(leaf, subLeaf);
        return [eax, ebx, ecx, edx];
    }

    private static void AppendFlags(StringBuilder text)
    {
        foreach ((int leaf, int subLeaf, int register, string names) in s_flags)
        {
            int bits = Leaf(leaf, subLeaf)[register];
            int bit = 0;
            foreach (string name in names.Split(' '))
            {
                if (name != "-" && (bits >> bit & 1) != 0)
                {
                    text.Append(' ').Append(name);
                }

                bit++;
            }
        }
    }

    private static string Describe()
    {
        int[] basic = Leaf(0, 0);
        int signature = Leaf(1, 0)[0];
        int family = signature >> 8 & 15;
        int model = signature >> 4 & 15;
        if (family is 6 or 15)
        {
            model |= signature >> 12 & 0xf0;
            family += family == 15 ? signature >> 20 & 0xff : 0;
        }

        StringBuilder text = new();
        text.Append("vendor_id\t: ").Append(Ascii([basic[1], basic[3], basic[2]])).Append("\ncpu family\t: ").Append(
            family);
        text.Append("\nmodel\t\t: ").Append(model).Append("\nmodel name\t: ").Append(ModelName()).Append(
            "\nstepping\t: ").Append(signature & 15);
        return text.Append("\nmicrocode\t: 0x1\ncpu MHz\t\t: 2400.000\ncache size\t: 512 KB\n").ToString();
    }

    private static string ModelName()
    {
        int[] words = new int[12];
        for (int i = 0; i < 3; i++)
        {
            Leaf(unchecked((int)0x80000002) + i, 0).CopyTo(words, i * 4);
        }

        return Ascii(words).TrimEnd('\0', ' ');
    }

    private static string Ascii(int[] words)
    {
        StringBuilder text = new();
        foreach (int word in words)
        {
            for (int shift = 0; shift < 32; shift += 8)
            {
                text.Append((char)(word >> shift & 0xff));
            }
        }

        return text.ToString();
    }
}
