using System;
using System.IO;
using System.Linq;
using Perf.Profile;
using Xunit;

namespace Tests.Harness;

/// <summary>Stacks and counts as the tools print them, and whose work each stack is said to be.</summary>
public sealed class ProfileTests
{
    private const string Kernel = "([kernel.kallsyms])";
    private const string Ours = "(/x/artifacts/runsc)";

    private static readonly string Recorded = string.Join('\n',
    [
        "exe 20/21 ",
        $"\tffffffff816bead6 vfs_getattr_nosec {Kernel}",
        $"\tffffffff816bf5a3 __x64_sys_newfstatat {Kernel}",
        $"\t          7440a2 HostOs_HostOs_Stat__Look {Ours}",
        $"\t          4dd95c Sentry_Sentry_Syscalls_FileSyscalls__Fstat {Ours}",
        $"\t          4dd95d Sentry_Sentry_Kernel_Task__RunGuest {Ours}",
        "",
        "exe 20/22 ",
        $"\t          30fe91 WKS::gc_heap::mark_object_simple1(unsigned char*) {Ours}",
        "",
        "systrap-worksho 30/30 ",
        "\t    7fffe0000434 [unknown] ([JIT] tid 30)",
        "",
        "systrap worker 30/30 ",
        "\t           1234a malloc (/usr/lib/libc.so.6)",
        "",
        "exe 40/40 ",
        $"\t          4dd95c Gofer_Gofer_Server__Serve {Ours}",
        "",
        "mount 50/50 ",
        $"\tffffffff816bead6 do_mount {Kernel}",
        "",
    ]);

    [Fact]
    public void What_was_before_the_guest_is_no_part_of_the_job()
    {
        StackSample[] samples = [.. PerfScript.Read(new StringReader(Recorded))];
        Assert.Equal([30, 30, 40, 50], new Attribution(samples).FromGuest(samples).Select(sample => sample.Pid));
        StackSample[] start = samples[..2];
        Assert.Equal(2, new Attribution(start).FromGuest(start).Count);
    }

    [Fact]
    public void Stacks_are_read_with_threads_names_and_files()
    {
        StackSample[] samples = [.. PerfScript.Read(new StringReader(Recorded))];
        Assert.Equal([20, 20, 30, 30, 40, 50], samples.Select(sample => sample.Pid));
        Assert.Equal("systrap worker", samples[3].Command);
        Assert.Equal(5, samples[0].Frames.Count);
        Assert.True(samples[0].Frames[0].IsKernel);
        Assert.Equal("WKS::gc_heap::mark_object_simple1(unsigned char*)", samples[1].Frames[0].Symbol);
        Assert.Equal(new Frame("0x7fffe0000434", "[JIT] tid 30"), samples[2].Frames[0]);
        Assert.Throws<FormatException>(() => PerfScript.Read(new StringReader("no thread")).ToArray());
    }

    [Fact]
    public void Every_sample_is_somebodys_work()
    {
        StackSample[] samples = [.. PerfScript.Read(new StringReader(Recorded))];
        Attribution attribution = new(samples);
        Assert.Equal(
            [Role.Sentry, Role.Sentry, Role.Guest, Role.Guest, Role.Gofer, Role.Around],
                samples.Select(attribution.Of));
        Assert.Equal("Sentry: handlers of system calls", attribution.Work(samples[0]));
        Assert.Equal("Fstat", Attribution.Handler(samples[0]));
        Assert.Null(Attribution.Handler(samples[1]));
        // The thread of a collection has no frame of the Sentry's: its process says whose it is.
        Assert.Equal("Sentry: collecting garbage", attribution.Work(samples[1]));
        Assert.StartsWith("guest: stub", attribution.Work(samples[2]));
        Assert.Equal("guest: its own code", attribution.Work(samples[3]));
    }

    [Fact]
    public void Counts_are_read_from_the_end_of_the_log()
    {
        const string Log = """
            80.67 ms platform systrap
            540.24 ms systrap: 3 calls answered in the stub, 977 by patched sites, 42 by signals
            540.25 ms kvm: 5 exits
            540.25 ms kvm: left ring 0 for call 9: 2
            540.26 ms calls write 1 0
            540.27 ms calls pread64 1001 720
            """;
        CallCounts counts = CallCounts.Read(new StringReader(Log));
        Assert.Equal([new CallCount("pread64", 1001, 720), new CallCount("write", 1, 0)], counts.Calls);
        Assert.Equal(42, counts.Ways["by signals"]);
        Assert.Equal(977, counts.Ways["by patched sites"]);
        Assert.Equal(3, counts.Ways["answered in the stub"]);
        Assert.Equal(5, counts.Ways["exits"]);
        Assert.Empty(CallCounts.Read(TextReader.Null).Calls);
    }
}
