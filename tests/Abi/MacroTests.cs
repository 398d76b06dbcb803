using System.Globalization;
using System.Linq;
using System.Text;
using Abi.Linux;
using Xunit;

namespace Tests.Abi;

/// <summary>The function-like macros give what the C headers' own give.</summary>
public sealed class MacroTests
{
    [Fact]
    public void Wait_statuses_decompose_as_in_C()
    {
        string c = CCompiler.Run("""
            #include <stdio.h>
            #include <sys/wait.h>
            int main(void)
            {
                for (int s = 0; s <= 0x10000; s++)
                    printf("%d%d%d%d%d %d %d %d\n", WIFEXITED(s), WIFSIGNALED(s), WIFSTOPPED(s), WIFCONTINUED(s),
                        !!WCOREDUMP(s), WEXITSTATUS(s), WTERMSIG(s), WSTOPSIG(s));
            }
            """);
        StringBuilder ours = new();
        for (int s = 0; s <= 0x10000; s++)
        {
            bool[] tests =
            [
                WaitStatus.IsExited(s), WaitStatus.IsSignaled(s), WaitStatus.IsStopped(s), WaitStatus.IsContinued(s),
                WaitStatus.IsCoreDumped(s),
            ];
            ours.Append(string.Concat(tests.Select(test => test ? '1' : '0')));
            ours.Append(CultureInfo.InvariantCulture, $" {WaitStatus.ExitStatus(s)}");
            ours.Append(CultureInfo.InvariantCulture, $" {WaitStatus.TermSignal(s)} {WaitStatus.StopSignal(s)}\n");
        }

        Assert.Equal(c, ours.ToString());
    }

    [Fact]
    public void Wait_statuses_compose_to_what_they_decompose_to()
    {
        for (int value = 1; value <= 64; value++)
        {
            Assert.True(WaitStatus.IsExited(WaitStatus.Exited(value)));
            Assert.Equal(value, WaitStatus.ExitStatus(WaitStatus.Exited(value)));
            Assert.True(WaitStatus.IsSignaled(WaitStatus.Signaled(value)));
            Assert.False(WaitStatus.IsCoreDumped(WaitStatus.Signaled(value)));
            Assert.Equal(value, WaitStatus.TermSignal(WaitStatus.Signaled(value)));
            Assert.True(WaitStatus.IsSignaled(WaitStatus.CoreDumped(value)));
            Assert.True(WaitStatus.IsCoreDumped(WaitStatus.CoreDumped(value)));
            Assert.Equal(value, WaitStatus.TermSignal(WaitStatus.CoreDumped(value)));
            Assert.True(WaitStatus.IsStopped(WaitStatus.Stopped(value)));
            Assert.Equal(value, WaitStatus.StopSignal(WaitStatus.Stopped(value)));
        }

        int stop = WaitStatus.Stopped(Signals.SIGTRAP | (Ptrace.PTRACE_EVENT_EXEC << 8));
        Assert.Equal(Ptrace.PTRACE_EVENT_EXEC, WaitStatus.PtraceEvent(stop));
        Assert.Equal(Signals.SIGTRAP, WaitStatus.StopSignal(stop));
    }

    [Fact]
    public void Device_numbers_are_those_of_C()
    {
        uint[] parts = [0, 1, 0xff, 0x100, 0xfff, 0x1000, 0xfffff, 0x12345678, uint.MaxValue];
        StringBuilder program = new("#include <stdio.h>\n#include <sys/sysmacros.h>\nint main(void)\n{\n");
        StringBuilder ours = new();
        foreach ((uint major, uint minor) in parts.SelectMany(major => parts.Select(minor => (major, minor))))
        {
            program.Append(CultureInfo.InvariantCulture, $"    printf(\"%lu\\n\", makedev({major}u, {minor}u));\n");
            ulong device = Sysmacros.Makedev(major, minor);
            ours.Append(CultureInfo.InvariantCulture, $"{device}\n");
            Assert.Equal((major, minor), (Sysmacros.Major(device), Sysmacros.Minor(device)));
        }

        Assert.Equal(CCompiler.Run(program.Append("}\n").ToString()), ours.ToString());
    }

    [Fact]
    public void Ioctl_commands_are_those_of_C()
    {
        const uint Both = Ioctls._IOC_READ | Ioctls._IOC_WRITE;
        Assert.Equal(Ioctls.TIOCGPTN, Ioctls.Command(Ioctls._IOC_READ, 'T', 0x30, sizeof(uint)));
        Assert.Equal(FsIoctls.FICLONERANGE, Ioctls.Command(Ioctls._IOC_WRITE, 0x94, 13, 32));
        Assert.Equal(Seccomp.SECCOMP_IOCTL_NOTIF_RECV, Ioctls.Command(Both, '!', 0, 80));
        Assert.Equal(Nsfs.NS_GET_USERNS, Ioctls.Command(Ioctls._IOC_NONE, 0xb7, 1, 0));
    }
}
