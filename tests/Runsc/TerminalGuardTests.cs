using Abi.Linux;
using Runsc.Sandbox;
using Xunit;

namespace Tests.Runsc;

/// <summary>The settings that the guard of a terminal is started with.</summary>
public sealed class TerminalGuardTests
{
    [Fact]
    public void Settings_survive_the_command_line()
    {
        Termios settings = new()
        {
            c_iflag = 0x500, c_oflag = 5, c_cflag = 0xFFFFFFFF, c_lflag = 0x8a3b, c_line = 2,
        };
        for (int i = 0; i < Termbits.NCCS; i++)
        {
            settings.c_cc[i] = (byte)(255 - i);
        }

        string text = TerminalGuard.Write(settings);
        Assert.StartsWith("500:5:ffffffff:8a3b:ff:fe:", text);
        Assert.True(TerminalGuard.TryRead(text, out Termios read));
        Assert.Equal(text, TerminalGuard.Write(read));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1:2:3:4")]
    [InlineData("0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:100")]
    [InlineData("0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:x")]
    [InlineData("0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0")]
    public void Anything_else_is_refused(string text) => Assert.False(TerminalGuard.TryRead(text, out _));
}
