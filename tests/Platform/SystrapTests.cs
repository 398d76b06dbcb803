using System;
using System.IO;
using System.Threading;
using Abi.Linux;
using global::Platform;
using global::Platform.Systrap;
using HostOs;
using Iced.Intel;
using Stub;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>What only the systrap platform has: its stub's code and memory, which guest code can reach.</summary>
public sealed class SystrapTests : IClassFixture<SystrapFixture>
{
    private const MemoryAccess ReadOnly = MemoryAccess.Read;
    private const MemoryAccess ReadWrite = MemoryAccess.Read | MemoryAccess.Write;
    private const ulong PageBytes = 4096;
    private readonly SystrapPlatform _platform;

    public SystrapTests(SystrapFixture fixture)
    {
        _platform = fixture.Platform;
    }

    private ulong FirstSlot => _platform.MaxUserAddress + SystrapLayout.ContextsOffset;

    [Fact]
    public void A_guest_that_jumps_into_the_stub_page_gets_nothing_done()
    {
        using var guest = NewPeeker();
        guest.Map(Guest.Data, 1, ReadOnly);
        guest.Memory.WriteWord(1, 4);
        using IContext context = guest.NewContext(_platform);
        byte[] code = SystrapPage.Emit(_platform.MaxUserAddress).Code;
        int calls = 0;
        for (int offset = 0; offset < code.Length - 1; offset++)
        {
            if (code[offset] != 0x0f || code[offset + 1] != 0x05)
            {
                continue;
            }
            // If the host executed it, the guest would be gone, or its page, or a new thread or mapping there.
            int[] numbers =
            [
                SysNr.exit_group, SysNr.exit, SysNr.munmap, SysNr.mmap, SysNr.mprotect, SysNr.clone, SysNr.kill,
                SysNr.pwrite64, SysNr.prctl, SysNr.seccomp, SysNr.sigaltstack, SysNr.write, SysNr.open,
            ];
            foreach (int number in numbers)
            {
                ExpectTrapAt(context, guest, _platform.MaxUserAddress + (ulong)offset, number);
            }
            calls++;
            ExpectPeek(context, guest, 4);
        }
        Assert.True(calls >= 10);
    }

    [Fact]
    public void A_futex_operation_other_than_wait_and_wake_is_the_guests_own()
    {
        using var guest = NewPeeker();
        using IContext context = guest.NewContext(_platform);
        byte[] code = SystrapPage.Emit(_platform.MaxUserAddress).Code;
        int offset = code.AsSpan().IndexOf(new byte[] { 0x0f, 0x05 });
        int[] operations = [2, 3, 4, 6, 8, 9, 11, 128, 129];
        foreach (int operation in operations)
        {
            context.Registers.Rsi = (ulong)operation;
            ExpectTrapAt(context, guest, _platform.MaxUserAddress + (ulong)offset, SysNr.futex, operation);
        }
    }

    [Fact]
    public void An_instruction_just_below_the_stub_page_is_not_the_stubs()
    {
        using var guest = NewPeeker();
        guest.Memory.Write(2, [0x0f, 0x05], (int)PageBytes - 2);
        guest.Map(_platform.MaxUserAddress - PageBytes, 2, ReadOnly | MemoryAccess.Execute);
        using IContext context = guest.NewContext(_platform);
        ExpectTrapAt(context, guest, _platform.MaxUserAddress - 2, SysNr.sched_yield);
        ExpectTrapAt(context, guest, _platform.MaxUserAddress - 2, SysNr.rt_sigreturn);
    }

    [Fact]
    public void Code_constants_and_commands_cannot_be_written_by_the_guest()
    {
        using var guest = new Guest(_platform, a => a.mov(__[rdi], rax));
        using IContext context = guest.NewContext(_platform);
        const ulong End = SystrapLayout.CommandsOffset + SystrapLayout.CommandBytes;
        for (ulong at = 0; at < End; at += PageBytes)
        {
            context.Registers.Rdi = _platform.MaxUserAddress + at;
            context.Registers.Rip = Guest.Code;
            Assert.Equal(SwitchReason.Fault, context.Switch(guest.Space, out FaultInfo fault));
            Assert.Equal((Signals.SIGSEGV, 2), (fault.Signal, fault.Code));
        }
    }

    [Fact]
    public void A_stub_process_has_nothing_mapped_but_what_it_needs()
    {
        using var guest = NewPeeker();
        using IContext context = guest.NewContext(_platform);
        context.Registers.Rdi = 0;
        Assert.Equal(SwitchReason.Fault, context.Switch(guest.Space, out _));
        int above = 0;
        foreach (string line in File.ReadAllLines($"/proc/{PidOf(guest)}/maps"))
        {
            ulong start = Convert.ToUInt64(line[..line.IndexOf('-')], 16);
            string access = line.Split(' ')[1];
            if (start < StubRegion.TaskSize && start >= _platform.MaxUserAddress)
            {
                above++;
                string expected = (start - _platform.MaxUserAddress) switch
                {
                    0 => "r-xp",
                    SystrapLayout.CommandsOffset => "r--s",
                    _ => "rw-s",
                };
                Assert.Equal(expected, access);
            }
            else if (start < StubRegion.TaskSize)
            {
                Assert.Equal("r-xs", access);
            }
        }
        Assert.Equal(3, above);
    }

    [Fact]
    public void A_guest_that_lies_about_its_turn_cannot_keep_memory_it_has_lost()
    {
        using var guest = new Guest(_platform, a =>
        {
            Label again = a.CreateLabel();
            a.syscall();
            a.mov(__dword_ptr[rsi], ContextSlot.TurnSentry);
            a.Label(ref again);
            a.mov(__[rdi], rbx);
            a.inc(rbx);
            a.jmp(again);
        });
        guest.Map(Guest.Data, 1, ReadWrite);
        using IContext context = guest.NewContext(_platform);
        context.Registers.Rdi = Guest.Data;
        context.Registers.Rsi = FirstSlot;
        Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
        Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
        Deadline(() => guest.Memory.ReadWord(1) > 1000);
        Assert.Equal(Errno.None, guest.Space.Unmap(Guest.Data, PageBytes));
        ulong last = guest.Memory.ReadWord(1);
        for (int i = 0; i < 1000; i++)
        {
            Thread.Yield();
            Assert.Equal(last, guest.Memory.ReadWord(1));
        }
    }

    [Fact]
    public void A_guest_that_spoils_the_registers_of_a_thread_ends_itself_only()
    {
        using var victim = new Guest(_platform, a =>
        {
            a.syscall();
            a.rep.stosb();
            a.syscall();
        });
        using var other = NewPeeker();
        other.Map(Guest.Data, 1, ReadOnly);
        using IContext first = victim.NewContext(_platform);
        using IContext second = victim.NewContext(_platform);
        using IContext bystander = other.NewContext(_platform);
        Assert.Equal(SwitchReason.SystemCall, first.Switch(victim.Space, out _));
        second.Registers.Rip = Guest.Code + 2;
        second.Registers.Rdi = FirstSlot;
        second.Registers.Rcx = SystrapLayout.ContextBytes;
        second.Registers.Rax = 0xff;
        Assert.Equal(SwitchReason.SystemCall, second.Switch(victim.Space, out _));
        Assert.Equal(SwitchReason.Dead, first.Switch(victim.Space, out _));
        Assert.Equal(SwitchReason.Dead, second.Switch(victim.Space, out _));
        ExpectPeek(bystander, other, 0);
    }

    [Fact]
    public void A_stub_process_killed_from_outside_is_reported_as_dead()
    {
        using var guest = NewPeeker();
        guest.Map(Guest.Data, 1, ReadOnly);
        using IContext context = guest.NewContext(_platform);
        ExpectPeek(context, guest, 0);
        Assert.Equal(Errno.None, HostSignal.Kill(PidOf(guest), Signals.SIGKILL));
        SwitchReason reason = SwitchReason.SystemCall;
        Deadline(() => (reason = context.Switch(guest.Space, out _)) != SwitchReason.SystemCall);
        Assert.Equal(SwitchReason.Dead, reason);
        Assert.Equal(SwitchReason.Dead, context.Switch(guest.Space, out _));
        Assert.Equal(Errno.None, guest.Space.Unmap(Guest.Data, PageBytes));
        using var other = NewPeeker();
        other.Map(Guest.Data, 1, ReadOnly);
        ExpectPeek(context, other, 0);
    }

    [Fact]
    public void Signals_from_outside_do_not_disturb_the_guest()
    {
        using var guest = NewPeeker();
        guest.Map(Guest.Data, 1, ReadOnly);
        using IContext context = guest.NewContext(_platform);
        ExpectPeek(context, guest, 0);
        int[] signals =
        [
            Signals.SIGINT, Signals.SIGTERM, Signals.SIGSEGV, Signals.SIGURG, Signals.SIGCONT, Signals.SIGTRAP,
            Signals.SIGSYS, Signals.SIGRTMIN,
        ];
        foreach (int signal in signals)
        {
            Assert.Equal(Errno.None, HostSignal.Kill(PidOf(guest), signal));
            ExpectPeek(context, guest, 0);
            ExpectPeek(context, guest, 0);
        }
    }

    [Fact]
    public void Nothing_is_left_of_what_is_disposed()
    {
        _platform.Drain();
        int before = Descriptors();
        for (int i = 0; i < 50; i++)
        {
            var guest = NewPeeker();
            guest.Map(Guest.Data, 1, ReadOnly);
            using IContext context = guest.NewContext(_platform);
            ExpectPeek(context, guest, 0);
            guest.Map(Guest.Data, 2, ReadOnly);
            guest.Dispose();
        }
        _platform.Drain();
        Assert.InRange(Descriptors(), 0, before);
    }

    private Guest NewPeeker() => new(_platform, a =>
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.mov(eax, 1);
        a.mov(rbx, __[rdi]);
        a.syscall();
        a.jmp(again);
    });

    private static void ExpectTrapAt(IContext context, Guest guest, ulong address, int number, int second = 0)
    {
        context.Registers.Rip = address;
        context.Registers.Rax = (ulong)number;
        context.Registers.Rdi = number == SysNr.munmap ? Guest.Data : 0;
        context.Registers.Rsi = number == SysNr.futex ? (ulong)second : PageBytes;
        Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
        Assert.Equal((ulong)number, context.Registers.OrigRax);
        Assert.Equal(address + 2, context.Registers.Rip);
    }

    private static void ExpectPeek(IContext context, Guest guest, ulong value)
    {
        context.Registers.Rip = Guest.Code;
        context.Registers.Rdi = Guest.Data;
        Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
        Assert.Equal(value, context.Registers.Rbx);
    }

    private static int PidOf(Guest guest) => ((SystrapAddressSpace)guest.Space).Pid;

    private static int Descriptors() => Directory.GetFiles("/proc/self/fd").Length;

    private static void Deadline(Func<bool> condition)
    {
        long deadline = Environment.TickCount64 + 20_000;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < deadline, "it does not happen");
        }
    }
}
