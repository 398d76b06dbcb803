using System;
using System.Threading;
using Abi.Linux;
using global::Platform;
using global::Platform.Kvm;
using global::Ring0;
using HostOs;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>What only the KVM platform does.</summary>
public sealed class KvmTests
{
    [Fact]
    public void More_threads_than_vcpus_take_turns()
    {
        using KvmPlatform platform = Make(maxVcpus: 1);
        using var guest = new Guest(platform, EmitSpinOrCall);
        bool stop = false;
        int preempted = 0;
        var spinner = new Thread(() =>
        {
            using IContext context = guest.NewContext(platform);
            context.Registers.Rdi = 1;
            while (!Volatile.Read(ref stop))
            {
                preempted += context.Switch(guest.Space, out _) == SwitchReason.Preempted ? 1 : 0;
            }
        });
        spinner.Start();
        using IContext caller = guest.NewContext(platform);
        for (ulong i = 1; i <= 20 || Volatile.Read(ref preempted) == 0; i++)
        {
            Assert.Equal(SwitchReason.SystemCall, caller.Switch(guest.Space, out _));
            Assert.Equal(i, caller.Registers.Rbx);
        }
        Volatile.Write(ref stop, true);
        while (spinner.IsAlive)
        {
            // Somebody must want the vCPU for the spinner to be taken off it.
            Assert.Equal(SwitchReason.SystemCall, caller.Switch(guest.Space, out _));
        }
        Assert.True(preempted > 0);
    }

    [Fact]
    public void A_replaced_piece_of_a_file_is_not_mixed_up_with_another()
    {
        using KvmPlatform platform = Make(KvmPlatform.DefaultMaxVcpus);
        for (ulong i = 0; i < 100; i++)
        {
            // Each file goes at once: its piece of memory is soon another's.
            using var guest = new Guest(platform, a =>
            {
                a.mov(rbx, __[rdi]);
                a.syscall();
            });
            guest.Map(Guest.Data, Guest.DataPage, MemoryAccess.Read);
            guest.Memory.WriteWord(Guest.DataPage, i);
            using IContext context = guest.NewContext(platform);
            context.Registers.Rdi = Guest.Data;
            Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
            Assert.Equal(i, context.Registers.Rbx);
        }
    }

    /// <summary>Whichever this host does: its own counts and what its ring 0 can must agree.</summary>
    [Fact]
    public void Ring_0_computes_where_the_CPU_runs_it_and_trying_harms_no_vcpu()
    {
        using KvmPlatform platform = Make(maxVcpus: 1);
        using (var context = new PooledContext(platform))
        {
            Vcpu vcpu = platform.Pool.Take(context)!;
            for (int i = 0; i < 3; i++)
            {
                Assert.Equal(!platform.IsRing0Emulated, vcpu.Computes(platform.KernelTables.Root));
                Assert.True(vcpu.Calibrate(platform.KernelTables.Root) >= 0);
            }
            platform.Pool.Return(vcpu);
        }
        using var guest = new Guest(platform, EmitSpinOrCall);
        using IContext caller = guest.NewContext(platform);
        Assert.Equal(SwitchReason.SystemCall, caller.Switch(guest.Space, out _));
        Assert.Equal(1UL, caller.Registers.Rbx);
    }

    [Fact]
    public void KVM_counts_what_it_emulates_where_it_counts()
    {
        using KvmPlatform platform = Make(maxVcpus: 1);
        using var context = new PooledContext(platform);
        Vcpu vcpu = platform.Pool.Take(context)!;
        using (var probe = new VcpuProbe(vcpu, platform.KernelTables.Root))
        {
            if (probe.TryCountEmulated(out long before))
            {
                Assert.True(probe.RunLoop() >= 0);
                Assert.True(probe.TryCountEmulated(out long after));
                Assert.Equal(platform.IsRing0Emulated, after - before >= TrapCode.CalibrationRounds);
                Assert.Contains(" instructions", platform.Ring0Evidence);
            }
        }
        platform.Pool.Return(vcpu);
    }

    [Fact]
    public void A_bad_device_is_one_clear_line()
    {
        Assert.Equal(Errno.None, HostFcntl.OpenAt(HostFcntl.AtFdCwd, "/dev/null", Fcntl.O_RDWR, 0, out int fd));
        Errno error = KvmPlatform.Create(new HostFd(fd), out KvmPlatform? platform, out string problem);
        Assert.NotEqual(Errno.None, error);
        Assert.Null(platform);
        Assert.StartsWith("kvm platform: ", problem);
        Assert.DoesNotContain('\n', problem);
    }

    private static KvmPlatform Make(int maxVcpus)
    {
        Assert.Equal(Errno.None, KvmPlatform.OpenDevice(out HostFd? device, out _));
        Errno error = KvmPlatform.Create(device!, out KvmPlatform? platform, out string problem, maxVcpus);
        Assert.True(error == Errno.None, problem);
        return platform!;
    }

    /// <summary>With rdi set, spins for ever; otherwise counts system calls in rbx.</summary>
    private static void EmitSpinOrCall(Assembler a)
    {
        Label again = a.CreateLabel();
        Label spin = a.CreateLabel();
        a.Label(ref again);
        a.test(rdi, rdi);
        a.jnz(spin);
        a.inc(rbx);
        a.syscall();
        a.jmp(again);
        a.Label(ref spin);
        a.pause();
        a.jmp(spin);
    }
}
