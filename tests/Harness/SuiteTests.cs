using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Perf;
using Perf.Runtimes;
using Perf.Suites;
using Xunit;

namespace Tests.Harness;

/// <summary>Jobs as data, and the list of runtimes.</summary>
public sealed class SuiteTests
{
    private const string Minimal = """
        {
          "suite": "s", "summary": "x", "command": ["/bin/tool", "--{mode}", "{where}"], "parser": "pattern",
          "metric": "{mode} ([0-9]+)", "unit": "n",
          "axes": {"mode": ["read", "write"], "where": {"root": "/var/tmp", "bind": "/bench"}},
          "usual": [{"mode": "write"}],
          "goals": [{"when": {"mode": "write"}, "than": "runc", "ratio": 0.5}, {"limit": 3}]
        }
        """;

    private const string Life = """
        {
          "suite": "s", "summary": "x", "command": ["/bin/tool"], "measure": "life", "metric": "{step}", "unit": "ms",
          "axes": {"step": ["create", "whole"], "cache": ["warm", "cold"]}, "shared": "step", "cache": "{cache}",
          "absent": [{"when": {"step": "create"}, "runtime": "native", "why": "none"}]
        }
        """;

    [Fact]
    public void Every_job_of_the_repository_is_well_formed_and_brings_its_files()
    {
        List<Job> jobs = JobFile.All(Layout.Find().Suites);
        Assert.True(jobs.Count >= 15);
        foreach (Job job in jobs)
        {
            List<Variant> all = [.. Variant.Of(job, Selection.All)];
            Assert.NotEmpty(Variant.Of(job, Selection.Usual));
            Assert.Equal(all.Count, all.Select(variant => variant.FullName).Distinct().Count());
            IEnumerable<string> files = all.SelectMany(variant => variant.Command)
                .Where(word => word.StartsWith("/job/", StringComparison.Ordinal));
            Assert.All(files, file => Assert.True(File.Exists(job.Folder + file[4..]), job.Name + file));
        }
    }

    [Fact]
    public void Variants_are_all_combinations_and_the_usual_ones_take_first_values()
    {
        Job job = JobFile.Parse("/x/job", Minimal);
        Assert.Equal(4, Variant.Of(job, Selection.All).Count());
        Variant usual = Variant.Of(job, Selection.Usual).Single();
        Assert.Equal("job write root", usual.FullName);
        Assert.Equal(["/bin/tool", "--write", "/var/tmp"], usual.Command);
        Assert.Equal("write ([0-9]+)", usual.Metric);
        Assert.Equal(2, usual.Goals().Count());
        Assert.Single(Variant.Of(job, Selection.All).First().Goals());
    }

    /// <summary>The goal beside the peer is every job's.</summary>
    [Fact]
    public void Every_job_has_the_common_goals()
    {
        foreach (Job job in JobFile.All(Layout.Find().Suites))
        {
            Goal goal = job.Goals.Single(goal => goal.Than == "peer");
            Assert.Equal((2d, "runc", 0.9), (goal.Value, goal.Where!.Of, goal.Where.Below));
            Assert.All(Variant.Of(job, Selection.Usual), variant => Assert.Contains(goal, variant.Goals()));
        }
    }

    /// <summary>The definition follows what a figure depends on, and nothing else.</summary>
    [Fact]
    public void A_definition_changes_with_the_command_and_the_files_of_the_job()
    {
        string folder = Directory.CreateTempSubdirectory("perf").FullName;
        try
        {
            string Of(string text) => Definition.Of(
                Layout.Find(), Variant.Of(JobFile.Parse(folder, text), Selection.Usual).First());
            string first = Of(Minimal);
            Assert.Equal(first, Of(Minimal.Replace("\"x\"", "\"another summary\"").Replace("0.5", "0.6")));
            Assert.NotEqual(first, Of(Minimal.Replace("/bin/tool", "/bin/other")));
            Assert.NotEqual(first, Of(Minimal.Replace("([0-9]+)", "([0-9.]+)")));
            File.WriteAllText(Path.Combine(folder, "run.sh"), "true");
            Assert.NotEqual(first, Of(Minimal));
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Fact]
    public void Variants_of_a_shared_axis_run_together()
    {
        Job job = JobFile.Parse("/x/job", """
            {
              "suite": "s", "summary": "x", "unit": "n", "command": ["/bin/tool", "{size}", "{call*}"],
              "parser": "calls", "metric": "{call}.ns", "shared": "call",
              "axes": {"size": ["1", "2"], "call": {"read": "r", "write": "w", "poll": "p"}}
            }
            """);
        List<Variant> chosen = [.. Variant.Of(job, Selection.All).Where(variant => !variant.FullName.Contains("poll"))];
        List<Variant> runs = [.. Variant.Share(chosen)];
        Assert.Equal(2, runs.Count);
        Assert.Equal(["/bin/tool", "2", "r", "w"], runs[1].Command);
        Assert.Equal(["job 2 read", "job 2 write"], runs[1].Parts.Select(part => part.FullName));
        Assert.Equal(["/bin/tool", "2", "w"], runs[1].Parts[1].Command);
        Assert.Equal("w.ns", runs[1].Parts[1].Metric);
    }

    [Fact]
    public void A_life_has_steps_a_page_cache_and_what_a_runtime_lacks()
    {
        Job job = JobFile.Parse("/x/job", Life);
        Variant[] runs = [.. Variant.Share(Variant.Of(job, Selection.All))];
        Assert.Equal([PageCache.Warm, PageCache.Cold], runs.Select(run => run.Cache));
        Assert.Equal(["job create cold", "job whole cold"], runs[1].Parts.Select(part => part.FullName));
        Assert.Equal(["create", "whole"], runs[1].Parts.Select(part => part.Metric));
        Assert.Equal("none", runs[0].Parts[0].WhyAbsent("native"));
        Assert.Null(runs[0].Parts[0].WhyAbsent("runc"));
        Assert.Null(runs[0].Parts[1].WhyAbsent("native"));
        Assert.NotEqual(Definition.Of(Layout.Find(), runs[0]), Definition.Of(Layout.Find(), runs[1]));
        Assert.Equal(PageCache.Warm, Variant.Of(JobFile.Parse("/x/job", Minimal), Selection.All).First().Cache);
    }

    [Theory]
    [InlineData("\"create\", \"whole\"", "\"create\", \"end\"", "end")]
    [InlineData("\"warm\", \"cold\"", "\"warm\", \"hot\"", "hot")]
    [InlineData("\"warm\", \"cold\"", "\"warm\", \"1\"", "1")]
    [InlineData("\"life\"", "\"inside\"", "cold")]
    [InlineData("\"shared\": \"step\"", "\"shared\": \"cache\"", "shared")]
    [InlineData("{\"step\": \"create\"}", "{\"step\": \"crate\"}", "crate")]
    [InlineData(", \"why\": \"none\"", "", "why")]
    [InlineData("\"metric\": \"{step}\",", "", "metric")]
    public void A_life_that_makes_no_sense_is_refused(string part, string instead, string named)
    {
        Assert.Contains(part, Life);
        FormatException failure = Assert.Throws<FormatException>(
            () => JobFile.Parse("/x/job", Life.Replace(part, instead)));
        Assert.Contains(named, failure.Message);
    }

    [Theory]
    [InlineData("\"suite\": \"s\",", "", "suite")]
    [InlineData("\"unit\": \"n\",", "\"unit\": \"n\", \"colour\": \"red\",", "colour")]
    [InlineData("\"pattern\"", "\"unknown\"", "unknown")]
    [InlineData("[{\"mode\": \"write\"}]", "[{\"mode\": \"append\"}]", "append")]
    [InlineData("\"unit\": \"n\",", "\"unit\": \"n\", \"better\": \"faster\",", "faster")]
    [InlineData("\"unit\": \"n\",", "\"unit\": 3,", "job.json")]
    [InlineData("\"than\": \"runc\", ", "", "than")]
    [InlineData("{", "[", "job.json")]
    public void A_job_that_is_not_well_formed_is_refused_with_its_name(string part, string instead, string named)
    {
        FormatException failure = Assert.Throws<FormatException>(
            () => JobFile.Parse("/x/job", Minimal.Replace(part, instead)));
        Assert.Contains("job/job.json", failure.Message);
        Assert.Contains(named, failure.Message);
    }

    [Fact]
    public void Runtimes_are_parsed_with_flags_and_environment()
    {
        List<RuntimeSpec> all = RuntimeSpec.ParseAll(
            "native,runsc-ptrace+--strace,peer=/x/runsc,old=/y/runsc+--platform=ptrace+PERF_PLANT=10,runc2=/z/runc",
                Layout.Find());
        Assert.Equal(["native", "runsc-ptrace", "peer", "old", "runc2"], all.Select(each => each.Name));
        Assert.Equal(["--platform=ptrace", "--strace"], all[1].Flags);
        Assert.Equal(["--network=none", "--ignore-cgroups"], all[2].Flags);
        Assert.Equal(["--platform=ptrace"], all[3].Flags);
        Assert.Equal(["PERF_PLANT=10"], all[3].Environment);
        Assert.Equal(RuntimeKind.Runc, all[4].Kind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("docker")]
    [InlineData("runsc-")]
    [InlineData("runsc-nothing")]
    [InlineData("runc,runc")]
    [InlineData("old=/x+what")]
    public void Runtimes_that_make_no_sense_are_refused(string text) =>
        Assert.Throws<FormatException>(() => RuntimeSpec.ParseAll(text, Layout.Find()));
}
