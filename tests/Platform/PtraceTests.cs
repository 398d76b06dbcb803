using System;
using System.Collections.Generic;
using System.IO;
using System.Numerics;
using System.Threading;
using Abi.Linux;
using global::Platform;
using global::Platform.Ptrace;
using HostOs;
using Iced.Intel;
using Stub;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>What only the ptrace platform has: stub processes, their page, their end.</summary>
public sealed class PtraceTests : IClassFixture<PtraceFixture>
{
    private const MemoryAccess ReadOnly = MemoryAccess.Read;
    private const ulong PageBytes = 4096;
    private readonly PtracePlatform _platform;

    public PtraceTests(PtraceFixture fixture)
    {
        _platform = fixture.Platform;
    }

    [Fact]
    public void A_guest_that_jumps_into_the_stub_page_gets_nothing_done()
    {
        using var guest = NewGuest();
        guest.Map(Guest.Data, 1, ReadOnly);
        guest.Memory.WriteWord(1, 4);
        using IContext context = guest.NewContext(_platform);
        byte[] code = StubPage.Emit().Code;
        int calls = 0;
        for (int offset = 576; offset < code.Length - 1; offset++)
        {
            if (code[offset] != 0x0f || code[offset + 1] != 0x05)
            {
                continue;
            }
            // If the host executed it, the guest would be gone, or its page.
            ulong[] numbers = [SysNr.exit_group, SysNr.exit, SysNr.munmap, SysNr.clone, SysNr.kill];
            foreach (ulong number in numbers)
            {
                context.Registers.Rip = _platform.MaxUserAddress + (ulong)offset;
                context.Registers.Rax = number;
                context.Registers.Rdi = number == SysNr.munmap ? Guest.Data : 0;
                context.Registers.Rsi = PageBytes;
                Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
                Assert.Equal(number, context.Registers.OrigRax);
            }
            calls++;
            ExpectPeek(context, guest, 4);
        }
        Assert.True(calls >= 4);
    }

    [Fact]
    public void The_stub_page_and_its_commands_cannot_be_written_by_the_guest()
    {
        using var guest = new Guest(_platform, a => a.mov(__[rdi], rax));
        using IContext context = guest.NewContext(_platform);
        for (ulong at = 0; at < StubPage.MaxBytes + (ulong)CommandArea.SlotBytes; at += PageBytes)
        {
            context.Registers.Rdi = _platform.MaxUserAddress + at;
            context.Registers.Rip = Guest.Code;
            Assert.Equal(SwitchReason.Fault, context.Switch(guest.Space, out FaultInfo fault));
            Assert.Equal((Signals.SIGSEGV, 2), (fault.Signal, fault.Code));
        }
    }

    [Fact]
    public void A_stub_process_has_nothing_mapped_but_its_page_and_commands()
    {
        using var guest = NewGuest();
        using IContext context = guest.NewContext(_platform);
        context.Registers.Rdi = 0;
        Assert.Equal(SwitchReason.Fault, context.Switch(guest.Space, out _));
        var inside = new List<string>();
        foreach (string line in File.ReadAllLines($"/proc/{PidOf(guest)}/maps"))
        {
            ulong start = Convert.ToUInt64(line[..line.IndexOf('-')], 16);
            if (start < StubLayout.TaskSize)
            {
                inside.Add(line.Split(' ')[1] + " " + (start >= _platform.MaxUserAddress));
            }
        }
        Assert.Equal(["r-xs False", "r-xp True", "r--s True"], inside);
    }

    [Fact]
    public void A_stub_process_killed_from_outside_is_reported_as_dead()
    {
        using var guest = NewGuest();
        guest.Map(Guest.Data, 1, ReadOnly);
        using IContext context = guest.NewContext(_platform);
        ExpectPeek(context, guest, 0);
        Assert.Equal(Errno.None, HostSignal.Kill(PidOf(guest), Signals.SIGKILL));
        Assert.Equal(SwitchReason.Dead, SwitchUntilDead(context, guest));
        Assert.Equal(SwitchReason.Dead, context.Switch(guest.Space, out _));
        Assert.Equal(Errno.None, guest.Space.Unmap(Guest.Data, PageBytes));
        using var other = NewGuest();
        other.Map(Guest.Data, 1, ReadOnly);
        ExpectPeek(context, other, 0);
    }

    [Fact]
    public void Signals_from_outside_do_not_disturb_the_guest()
    {
        using var guest = NewGuest();
        guest.Map(Guest.Data, 1, ReadOnly);
        using IContext context = guest.NewContext(_platform);
        ExpectPeek(context, guest, 0);
        int[] signals =
        [
            Signals.SIGINT, Signals.SIGTERM, Signals.SIGSEGV, Signals.SIGSTOP, Signals.SIGTSTP, Signals.SIGURG,
            Signals.SIGCONT, Signals.SIGTRAP, Signals.SIGSYS, Signals.SIGRTMIN,
        ];
        foreach (int signal in signals)
        {
            Assert.Equal(Errno.None, HostSignal.Kill(PidOf(guest), signal));
            ExpectPeek(context, guest, 0);
            ExpectPeek(context, guest, 0);
        }
    }

    [Fact]
    public void More_mappings_than_the_host_allows_are_dropped_and_made_again()
    {
        const int Pages = 70_000;
        using var guest = NewGuest();
        using IContext context = guest.NewContext(_platform);
        guest.Memory.WriteWord(1, 17);
        for (int i = 0; i < Pages; i++)
        {
            // Every other page, so that the host cannot join them.
            guest.Map(Guest.Data + ((ulong)i * 2 * PageBytes), 1, ReadOnly);
        }
        for (int i = 0; i < Pages; i += 1000)
        {
            context.Registers.Rdi = Guest.Data + ((ulong)i * 2 * PageBytes);
            context.Registers.Rip = Guest.Code;
            SwitchReason reason;
            while ((reason = context.Switch(guest.Space, out FaultInfo fault)) == SwitchReason.Fault)
            {
                Assert.True(fault.IsPageFault);
                ulong page = fault.Address & ~(PageBytes - 1);
                bool code = page == Guest.Code;
                guest.Map(page, code ? 0 : 1, code ? ReadOnly | MemoryAccess.Execute : ReadOnly);
            }
            Assert.Equal(SwitchReason.SystemCall, reason);
            Assert.Equal(17UL, context.Registers.Rbx);
        }
    }

    [Fact]
    public void A_map_that_the_host_refuses_is_a_fault_and_then_an_error_but_never_a_wrong_page()
    {
        using var guest = NewGuest();
        using IContext context = guest.NewContext(_platform);
        guest.Map(Guest.Data, 1, ReadOnly);
        ExpectPeek(context, guest, 0);
        Assert.Equal(Errno.None, guest.Space.Unmap(Guest.Data, PageBytes));
        Assert.Equal(Errno.None, HostUnistd.Pipe2(HostFcntl.CloseOnExec, out int readEnd, out int writeEnd));
        using var ownRead = new HostFd(readEnd);
        using var ownWrite = new HostFd(writeEnd);
        Assert.Equal(Errno.None, guest.Space.Map(Guest.Data, PageBytes, readEnd, 0, ReadOnly, MapHint.None));
        Assert.Equal(SwitchReason.Fault, context.Switch(guest.Space, out FaultInfo fault));
        Assert.Equal(Guest.Data, fault.Address);
        Assert.Equal(Errno.ENODEV, guest.Space.Map(Guest.Data, PageBytes, readEnd, 0, ReadOnly, MapHint.None));
    }

    [Fact]
    public void Nothing_is_left_of_what_is_disposed()
    {
        _platform.Drain();
        int before = Descriptors();
        for (int i = 0; i < 100; i++)
        {
            var guest = NewGuest();
            guest.Map(Guest.Data, 1, ReadOnly);
            using IContext context = guest.NewContext(_platform);
            ExpectPeek(context, guest, 0);
            guest.Map(Guest.Data, 2, ReadOnly);
            guest.Dispose();
        }
        _platform.Drain();
        Assert.Equal(before, Descriptors());
        int options = HostWait.Exited | HostWait.NoHang | HostWait.NoWait | HostWait.All;
        HostWait.WaitId(HostWait.IdAll, 0, options, out int ended, out _, out _);
        Assert.Equal(0, ended);
    }

    [Fact]
    public void A_host_thread_that_ends_without_disposing_takes_the_stub_process_with_it()
    {
        using var guest = NewGuest();
        guest.Map(Guest.Data, 1, ReadOnly);
        using IContext here = guest.NewContext(_platform);
        ExpectPeek(here, guest, 0);
        var thread = new Thread(() => ExpectPeek(guest.NewContext(_platform), guest, 0));
        thread.Start();
        thread.Join();
        Assert.Equal(SwitchReason.Dead, SwitchUntilDead(here, guest));
        int pid = PidOf(guest);
        here.Dispose();
        Assert.Equal(Errno.None, HostWait.Wait4(pid, HostWait.All, out int status, out _));
        Assert.Equal(Signals.SIGKILL, status & 0x7f);
    }

    [Fact]
    public void The_end_of_the_service_thread_ends_every_stub_process()
    {
        Assert.Equal(Errno.None, PtracePlatform.Create(out PtracePlatform? platform, out _));
        Assert.Equal(Errno.None, platform!.NewAddressSpace(out IAddressSpace? space));
        int pid = ((PtraceAddressSpace)space!).Pid;
        platform.Service.Stop();
        Assert.Equal(Errno.None, HostWait.Wait4(pid, HostWait.All, out int status, out int waited));
        Assert.Equal((pid, Signals.SIGKILL), (waited, status & 0x7f));
    }

    [Fact]
    public void One_busy_guest_stays_on_one_cpu_and_parallel_guests_do_not()
    {
        int cpus = AllowedCpus();
        using var guest = NewGuest();
        guest.Map(Guest.Data, 1, ReadOnly);
        using IContext context = guest.NewContext(_platform);
        Deadline(() =>
        {
            ExpectPeek(context, guest, 0);
            return AllowedCpus() == 1;
        });
        using var spinner = new Guest(_platform, a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.jmp(again);
        });
        var threads = new List<Thread>();
        var spinning = new List<IContext>();
        for (int i = 0; i < 3; i++)
        {
            IContext one = spinner.NewContext(_platform);
            spinning.Add(one);
            threads.Add(new Thread(() =>
            {
                one.Switch(spinner.Space, out _);
                one.Dispose();
            }));
            threads[i].Start();
        }
        Deadline(() =>
        {
            ExpectPeek(context, guest, 0);
            return AllowedCpus() == cpus;
        });
        spinning.ForEach(one => one.Interrupt());
        threads.ForEach(thread => thread.Join());
        Deadline(() =>
        {
            ExpectPeek(context, guest, 0);
            return AllowedCpus() == 1;
        });
        context.Dispose();
        Assert.Equal(cpus, AllowedCpus());
    }

    private static int AllowedCpus()
    {
        byte[] mask = new byte[128];
        Assert.Equal(Errno.None, HostSched.GetAffinity(0, mask, out _));
        int count = 0;
        foreach (byte part in mask)
        {
            count += BitOperations.PopCount(part);
        }
        return count;
    }

    private static void Deadline(Func<bool> condition)
    {
        long deadline = Environment.TickCount64 + 20_000;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < deadline, "it does not happen");
        }
    }

    private Guest NewGuest() => new(_platform, a =>
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.mov(eax, 1);
        a.mov(rbx, __[rdi]);
        a.syscall();
        a.jmp(again);
    });

    private static int PidOf(Guest guest) => ((PtraceAddressSpace)guest.Space).Pid;

    private static void ExpectPeek(IContext context, Guest guest, ulong value)
    {
        context.Registers.Rip = Guest.Code;
        context.Registers.Rdi = Guest.Data;
        Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
        Assert.Equal(value, context.Registers.Rbx);
    }

    /// <summary>A kill takes effect some time after it was sent; until then the guest goes on.</summary>
    private static SwitchReason SwitchUntilDead(IContext context, Guest guest)
    {
        long deadline = Environment.TickCount64 + 20_000;
        SwitchReason reason;
        do
        {
            reason = context.Switch(guest.Space, out _);
        }
        while (reason == SwitchReason.SystemCall && Environment.TickCount64 < deadline);
        return reason;
    }

    private static int Descriptors() => Directory.GetFiles("/proc/self/fd").Length;
}
