using System.IO;
using Runsc.Sandbox;
using Xunit;

namespace Tests.Runsc;

/// <summary>
/// What --platform=auto keeps of what it has found out about KVM. Which verdict is right for a host is for
/// tests/cli and tests/lab to say, which have hosts of each kind.
/// </summary>
public sealed class KvmVerdictTests
{
    private const string Boot = "1d9ad3ec-708c-4aa4-8983-48e2464cb757";

    [Theory]
    [InlineData("")]
    [InlineData("the host emulates ring 0")]
    public void What_is_kept_is_read_again(string whyNot)
    {
        KvmVerdict verdict = new(whyNot);
        Assert.True(KvmVerdict.TryParse(verdict.ToText(Boot), Boot, out KvmVerdict read));
        Assert.Equal(verdict, read);
        Assert.Equal(whyNot.Length == 0, read.IsRing0);
    }

    [Fact]
    public void Another_boot_finds_out_anew() =>
        Assert.False(KvmVerdict.TryParse(new KvmVerdict("").ToText(Boot), Boot.Replace('1', '2'), out _));

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("kvm-verdict-2 1d9ad3ec-708c-4aa4-8983-48e2464cb757")]
    [InlineData("kvm-verdict-2 1d9ad3ec-708c-4aa4-8983-48e2464cb757 the host emul")]
    [InlineData("kvm-verdict-1 1d9ad3ec-708c-4aa4-8983-48e2464cb757 \n")]
    public void Anything_else_is_not_believed(string text) => Assert.False(KvmVerdict.TryParse(text, Boot, out _));

    [Fact]
    public void A_kept_verdict_is_used_and_a_stale_one_replaced()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            KvmVerdict found = KvmVerdict.Find(path);
            if (!File.Exists(path))
            {
                // There is no device, or no virtual machine to be had.
                Assert.False(found.IsRing0);
                return;
            }

            string text = File.ReadAllText(path);
            string boot = text.Split(' ')[1];
            Assert.Equal(found.ToText(boot), text);
            KvmVerdict made = new("made up");
            File.WriteAllText(path, made.ToText(boot));
            Assert.Equal(made, KvmVerdict.Find(path));
            File.WriteAllText(path, made.ToText(Boot));
            Assert.Equal(found, KvmVerdict.Find(path));
            Assert.Equal(text, File.ReadAllText(path));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
