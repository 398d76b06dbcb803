using System.Text;
using Runsc.Oci;
using Runsc.Sandbox;
using Xunit;

namespace Tests.Runsc;

/// <summary>From config.json to what the Sentry is told.</summary>
public sealed class SpecCheckTests
{
    private const string Head = "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"/\"},\"process\":{\"args\":[\"a\"],"
        + "\"cwd\":\"/\"";

    private static SandboxSpec Build(string rest) =>
        OciSandbox.Build("id", "/", SpecLoader.Parse("config.json", Encoding.UTF8.GetBytes(Head + rest))).Spec;

    private static string Refusal(string rest) =>
        Assert.Throws<UserErrorException>(() => Build(rest)).Message;

    [Fact]
    public void Of_a_variable_given_twice_the_last_value_counts_at_the_first_place() =>
        Assert.Equal(["A=3", "B=2"], Build(",\"env\":[\"A=1\",\"B=2\",\"A=3\"]}}").Environment);

    [Fact]
    public void Of_a_member_given_twice_the_last_counts() =>
        Assert.Equal("/second", Build(",\"cwd\":\"/second\"}}").WorkingDirectory);

    [Fact]
    public void Text_becomes_utf8_bytes() =>
        Assert.Equal("/\u00c3\u00a9", Build(",\"cwd\":\"/\u00e9\"}}").WorkingDirectory);

    [Fact]
    public void Mount_destinations_are_cleaned_and_never_the_root()
    {
        const string Mount = "},\"mounts\":[{\"type\":\"tmpfs\",\"destination\":\"";
        Assert.Equal("/a/c", Build(Mount + "/../a//b/../c/.\"}]}").Mounts[0].Destination);
        Assert.Contains("mounts[0].destination", Refusal(Mount + "/a/..\"}]}"));
    }

    [Fact]
    public void Resources_that_say_nothing_are_no_request() =>
        Assert.Equal(7, Build(
            "},\"linux\":{\"resources\":{\"cpu\":{\"shares\":0},\"blockIO\":{},\"pids\":{\"limit\":7}}}}")
            .PidsLimit);

    [Theory]
    [InlineData("},\"linux\":{\"resources\":{\"blockIO\":{\"weight\":2}}}}", "linux.resources.blockIO: not supported")]
    [InlineData("},\"hooks\":{\"createContainer\":[{\"path\":\"x\"}]}}", "hooks.createContainer.path: must be")]
    [InlineData("},\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/x\"}]}}", "joining a namespace")]
    public void What_is_not_supported_is_named(string rest, string message) => Assert.Contains(message, Refusal(rest));
}
