using System;
using System.Buffers.Binary;
using Abi.Linux;
using Runsc.Boot;
using Xunit;
using static Abi.Linux.SysNr;

namespace Tests.Runsc;

/// <summary>What the filter of the Sentry says of single calls, by running its program as the kernel does.</summary>
public sealed class SentryFilterTests
{
    private const uint Killed = Seccomp.SECCOMP_RET_KILL_PROCESS;
    private const uint Allowed = Seccomp.SECCOMP_RET_ALLOW;

    /// <summary>Flags of a thread of glibc.</summary>
    private const ulong ThreadFlags = 0x3D0F00;

    [Theory]
    [InlineData("ptrace")]
    [InlineData("systrap")]
    [InlineData("kvm")]
    public void What_a_sandbox_must_never_do_is_refused(string platform)
    {
        ulong[] program = SentryFilter.Make(platform).Compile();
        foreach (int number in (int[])[memfd_create, bpf, mount, umount2, unshare, setns, pivot_root, chroot,
            process_vm_readv, process_vm_writev, pidfd_getfd, io_uring_setup, userfaultfd, keyctl, perf_event_open,
            init_module, open_by_handle_at, shmget, connect, bind, listen, fork, vfork, capset, setuid, chdir,
            writev, splice, sendmmsg, dup, dup2])
        {
            Assert.Equal(Killed, Judge(program, number));
        }

        Assert.Equal(Failing(Errno.EPERM), Judge(program, execve));
        Assert.Equal(Failing(Errno.EPERM), Judge(program, socket, 1));
        Assert.Equal(Failing(Errno.ENOENT), Judge(program, openat));
        Assert.Equal(Failing(Errno.ENOENT), Judge(program, newfstatat, 3, 0, 0, Fcntl.AT_EMPTY_PATH));
        Assert.Equal(Failing(Errno.ENOENT), Judge(program, newfstatat, 3, 0, 0, 0));
        Assert.Equal(Allowed, Judge(program, newfstatat, 3, 0, 0, Fcntl.AT_SYMLINK_NOFOLLOW));
        Assert.Equal(Failing(Errno.EPERM), Judge(program, kill, 1, Signals.SIGTERM));
        Assert.Equal(Failing(Errno.ENOSYS), Judge(program, clone3));
        Assert.Equal(Killed, Judge(program, clone, Signals.SIGCHLD));
        Assert.Equal(Killed, Judge(program, clone, ThreadFlags | Sched.CLONE_NEWUSER));
        Assert.Equal(Killed, Judge(program, clone, ThreadFlags | (1UL << 40)));
        Assert.Equal(Killed, Judge(program, mmap, 0, 4096, 5, 2));
        Assert.Equal(Killed, Judge(program, mprotect, 4096, 4096, 4));
        Assert.Equal(Killed, Judge(program, prctl, 22));
        Assert.Equal(Killed, Judge(program, prlimit64, 0, 7, 4096));
        Assert.Equal(Killed, Judge(program, fcntl, 1, Fcntl.F_SETOWN));
        Assert.Equal(Killed, Judge(program, ioctl, 0, 0x5412));
        Assert.Equal(platform == "ptrace" ? Allowed : Killed, Judge(program, ptrace));
    }

    [Theory]
    [InlineData("ptrace")]
    [InlineData("systrap")]
    [InlineData("kvm")]
    public void What_it_lives_on_is_allowed(string platform)
    {
        ulong[] program = SentryFilter.Make(platform).Compile();
        foreach (int number in (int[])[read, write, pread64, pwrite64, sendmsg, recvmsg, futex, munmap, exit_group])
        {
            Assert.Equal(Allowed, Judge(program, number));
        }

        Assert.Equal(Allowed, Judge(program, clone, ThreadFlags));
        Assert.Equal(Allowed, Judge(program, mmap, 0, 4096, 3, 2));
        Assert.Equal(Allowed, Judge(program, kill, 5, Signals.SIGKILL));
        Assert.Equal(Allowed, Judge(program, fcntl, 1, Fcntl.F_DUPFD_CLOEXEC));
    }

    [Fact]
    public void Calls_of_another_architecture_end_the_process()
    {
        const uint I386 = 0x40000003;
        Assert.Equal(Killed, Run(SentryFilter.Make("ptrace").Compile(), I386, read, []));
    }

    private static uint Failing(Errno errno) => Seccomp.SECCOMP_RET_ERRNO | (uint)errno;

    private static uint Judge(ulong[] program, int number, params ulong[] arguments) =>
        Run(program, Audit.AUDIT_ARCH_X86_64, number, arguments);

    /// <summary>Classic BPF over struct seccomp_data: the instructions that the rules compile to.</summary>
    private static uint Run(ulong[] program, uint architecture, int number, ulong[] arguments)
    {
        byte[] data = new byte[64];
        BinaryPrimitives.WriteInt32LittleEndian(data, number);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(4), architecture);
        for (int i = 0; i < arguments.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(16 + (i * 8)), arguments[i]);
        }

        uint accumulator = 0;
        for (int at = 0; ; at++)
        {
            uint operand = (uint)(program[at] >> 32);
            switch ((int)(program[at] & 0xFFFF))
            {
                case Bpf.BPF_LD | Bpf.BPF_W | Bpf.BPF_ABS:
                    accumulator = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan((int)operand));
                    break;
                case Bpf.BPF_ALU | Bpf.BPF_AND | Bpf.BPF_K:
                    accumulator &= operand;
                    break;
                case Bpf.BPF_JMP | Bpf.BPF_JEQ | Bpf.BPF_K:
                    at += (int)(program[at] >> (accumulator == operand ? 16 : 24) & 0xFF);
                    break;
                case Bpf.BPF_RET | Bpf.BPF_K:
                    return operand;
                default:
                    throw new InvalidOperationException("no instruction of the rules: " + program[at]);
            }
        }
    }
}
