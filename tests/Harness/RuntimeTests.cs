using System;
using System.IO;
using Perf.Runtimes;
using Xunit;

namespace Tests.Harness;

/// <summary>What a run has on the machine, and how it is found again.</summary>
public sealed class RuntimeTests
{
    [Fact]
    public void Control_groups_are_in_one_tree_of_version_2_or_in_those_of_version_1()
    {
        string mounts = Directory.CreateTempSubdirectory("perf").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(mounts, "cpu"));
            Assert.Equal(Path.Combine(mounts, "cpu"), Assert.Single(ControlGroup.Trees(mounts)));
            File.WriteAllText(Path.Combine(mounts, "cgroup.controllers"), "cpu memory\n");
            Assert.Equal(mounts, Assert.Single(ControlGroup.Trees(mounts)));
            Assert.Empty(ControlGroup.Trees(Path.Combine(mounts, "none")));
        }
        finally
        {
            Directory.Delete(mounts, true);
        }
    }

    [Fact]
    public void Only_scratch_of_harnesses_that_are_no_more_is_left_over()
    {
        Assert.False(Scratch.IsLeft($"perf-{Environment.ProcessId}-1"));
        Assert.False(Scratch.IsLeft("perf-1-1"));
        // Above any process number that Linux gives (proc(5), pid_max).
        Assert.True(Scratch.IsLeft("perf-2147483647-12"));
        Assert.False(Scratch.IsLeft("perf-x-1"));
        Assert.False(Scratch.IsLeft("other-2147483647-1"));
        Assert.False(Scratch.IsLeft("perf-2147483647"));
    }

    [Theory]
    [InlineData("{\"ociVersion\": \"1.0.2\", \"status\": \"running\"}", true)]
    [InlineData("{\"status\": \"created\"}", false)]
    [InlineData("{\"state\": \"running\"}", false)]
    [InlineData("[\"status\"]", false)]
    [InlineData("", false)]
    public void A_container_runs_when_its_runtime_says_so(string state, bool runs) =>
        Assert.Equal(runs, Execution.SaysRunning(state));
}
