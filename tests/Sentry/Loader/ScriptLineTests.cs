using System.Text;
using Abi.Linux;
using Sentry.Loader;
using Xunit;

namespace Tests.Sentry.Loader;

/// <summary>The first line of scripts, as Linux takes it apart.</summary>
public sealed class ScriptLineTests
{
    [Theory]
    [InlineData("#!/bin/sh\n", "/bin/sh", null)]
    [InlineData("#! /bin/sh -e \n", "/bin/sh", "-e")]
    [InlineData("#!/usr/bin/env python3 -u\n", "/usr/bin/env", "python3 -u")]
    [InlineData("#!/bin/sh", "/bin/sh", null)]
    [InlineData("#!\t/bin/sh\t-x\t\nmore", "/bin/sh", "-x")]
    public void InterpreterAndArgumentAreFound(string text, string interpreter, string? argument)
    {
        Assert.Equal(Errno.None, ScriptLine.Parse(Encoding.Latin1.GetBytes(text), out ScriptLine line));
        Assert.Equal(interpreter, line.Interpreter);
        Assert.Equal(argument, line.Argument);
    }

    [Theory]
    [InlineData("#!\n")]
    [InlineData("#!   \t \n/bin/sh")]
    public void ALineWithoutInterpreterIsNoScript(string text) =>
        Assert.Equal(Errno.ENOEXEC, ScriptLine.Parse(Encoding.Latin1.GetBytes(text), out _));

    [Fact]
    public void ANameThatMayBeCutOffIsRefusedButAnArgumentIsNot()
    {
        byte[] name = Encoding.Latin1.GetBytes("#!/" + new string('x', 300));
        byte[] argument = Encoding.Latin1.GetBytes("#!/bin/sh " + new string('x', 300));
        Assert.Equal(Errno.ENOEXEC, ScriptLine.Parse(name, out _));
        Assert.Equal(Errno.None, ScriptLine.Parse(argument, out ScriptLine line));
        Assert.Equal(ScriptLine.MaxBytes - 1 - "#!/bin/sh ".Length, line.Argument!.Length);
    }

    [Fact]
    public void ArgumentsAreRewrittenForTheInterpreter()
    {
        ProgramArguments arguments = new(ulong.MaxValue);
        arguments.AddArgument("script");
        arguments.AddArgument("one");
        Assert.Equal(Errno.None, arguments.EnterScript(new ScriptLine("/bin/sh", "-e"), "./dir/script"));
        Assert.Equal(["/bin/sh", "-e", "./dir/script", "one"], arguments.Arguments);
    }

    [Fact]
    public void TooManyArgumentBytesAreTooBig()
    {
        ProgramArguments arguments = new(stackLimitBytes: 8 << 20);
        Errno errno = Errno.None;
        int count = 0;
        while (errno == Errno.None && count < 10000)
        {
            errno = arguments.AddArgument(new string('x', 1024));
            count++;
        }

        // A quarter of the stack limit: 2 MiB, each string costs its bytes, a NUL and a pointer.
        Assert.Equal(Errno.E2BIG, errno);
        Assert.Equal((2 << 20) / (1024 + 9) + 1, count);
        Assert.Equal(Errno.E2BIG, new ProgramArguments(ulong.MaxValue).AddArgument(
            new string('x', ProgramArguments.MaxStringBytes)));
    }
}
