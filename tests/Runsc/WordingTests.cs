using System;
using System.CommandLine;
using Runsc.Cli;
using Runsc.Sandbox;
using Xunit;

namespace Tests.Runsc;

/// <summary>What users are told.</summary>
public sealed class WordingTests
{
    [Fact]
    public void A_usage_line_has_options_before_the_command_of_the_guest()
    {
        Command command = new("do") { new Option<bool>("--flag"), new Argument<string[]>("command") { Arity =
            ArgumentArity.OneOrMore } };
        Assert.Equal("runsc [global options] do [options] command...", HelpText.Usage(command));
        Assert.Equal("Description:\n\nUsage:\n  " + HelpText.Usage(command) + "\n\nOptions:\n",
            HelpText.WithUsage("Description:\n\nUsage:\n  runsc do [<command>...] [options]\n\nOptions:\n", command));
        Assert.Equal("no help", HelpText.WithUsage("no help", command));
    }

    [Fact]
    public void An_exception_is_one_line_without_its_trace()
    {
        string text = InternalError.Describe(new InvalidOperationException("one\nat Two()"));
        Assert.Equal("internal error: InvalidOperationException: one; --debug-log tells more", text);
    }

    [Theory]
    [InlineData("/a/b", 1, true)]
    [InlineData("/a", 2047, true)]
    [InlineData("/a", 2048, false)]
    [InlineData("n", 255, true)]
    [InlineData("n", 256, false)]
    public void Paths_have_the_lengths_of_Linux(string part, int count, bool fits) =>
        Assert.Equal(fits, HostPath.HasLength(string.Concat(System.Linq.Enumerable.Repeat(part, count))));

    [Theory]
    [InlineData("1.5G", 3L << 29)]
    [InlineData("64M", 64L << 20)]
    [InlineData("4096", 4096L)]
    public void Sizes_may_have_a_part_of_a_unit(string text, long bytes) =>
        Assert.Equal(bytes, Sizes.Parse("--memory", text));
}
