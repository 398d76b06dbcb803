using System;
using System.Collections.Generic;
using System.IO;
using Abi.Linux;
using HostOs;
using Runsc.Boot;
using Xunit;

namespace Tests.Runsc;

/// <summary>What goes into the debug log, by its level.</summary>
public sealed class DebugLogTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    /// <inheritdoc/>
    public void Dispose() => File.Delete(_file);

    private HostFd Open()
    {
        const int Flags = HostFcntl.WriteOnly | HostFcntl.Append | HostFcntl.CloseOnExec;
        Assert.Equal(Errno.None, HostFcntl.OpenAt(HostFcntl.AtFdCwd, _file, Flags, 0, out int fd));
        return new HostFd(fd);
    }

    private string Words()
    {
        List<string> result = [];
        foreach (string line in File.ReadAllLines(_file))
        {
            result.Add(line[(line.LastIndexOf(' ') + 1)..]);
        }

        return string.Join(' ', result);
    }

    private static void WriteAll(DebugLog log)
    {
        log.Write("warning", LogLevel.Warning);
        log.Write("info");
        log.Write("debug", LogLevel.Debug);
        log.Step("step");
        log.Trace("trace");
    }

    [Theory]
    [InlineData("Warning", "warning trace")]
    [InlineData("Info", "warning info step trace")]
    [InlineData("Debug", "warning info debug step trace")]
    public void A_level_has_those_before_it_and_the_trace(string level, string words)
    {
        using HostFd fd = Open();
        WriteAll(new DebugLog(fd.Value, 0, Enum.Parse<LogLevel>(level)));
        Assert.Equal(words, Words());
    }

    [Fact]
    public void The_level_changes_while_it_is_open_and_nothing_is_written_without_a_file()
    {
        using HostFd fd = Open();
        DebugLog log = new(fd.Value, 0, LogLevel.Debug) { Level = LogLevel.Warning };
        WriteAll(log);
        Assert.Equal("warning trace", Words());
        WriteAll(new DebugLog(-1, 0, LogLevel.Debug));
        Assert.Equal("warning trace", Words());
    }
}
