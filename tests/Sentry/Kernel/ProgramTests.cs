using Abi.Linux;
using Xunit;

namespace Tests.Sentry.Kernel;

/// <summary>Real programs run by the kernel on the ptrace platform.</summary>
public sealed class ProgramTests
{
    [Fact]
    public void StaticBusyboxEchoes()
    {
        GuestSandbox sandbox = new("/tmp/trace.txt");
        sandbox.Add("/bin/busybox", "/bin/busybox");
        int status = sandbox.Run("/bin/busybox", "busybox", "echo", "hello");
        Assert.Equal("hello\n", sandbox.Output.Text);
        Assert.Equal(WaitStatus.Exited(0), status);
    }

    [Fact]
    public void ShellForksAndWaits()
    {
        GuestSandbox sandbox = new("/tmp/trace2.txt");
        sandbox.Add("/bin/busybox", "/bin/busybox");
        int status = sandbox.Run("/bin/busybox", "sh", "-c",
            "busybox echo one; (busybox echo two; exit 3); echo $?; busybox true | busybox echo three; exit 7");
        Assert.Equal("one\ntwo\n3\nthree\n", sandbox.Output.Text);
        Assert.Equal(WaitStatus.Exited(7), status);
    }
}
