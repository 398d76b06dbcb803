using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using global::Platform;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>Several guest threads, interrupts, and changes that must be seen while a guest runs.</summary>
public abstract partial class PlatformConformance
{
    [Fact]
    public void An_interrupt_ends_a_guest_that_never_stops()
    {
        using var guest = new Guest(Platform, EmitSpin);
        guest.Map(Guest.Data, 1, ReadWrite);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data;
        ulong seen = 0;
        for (int i = 0; i < 20; i++)
        {
            using var helper = new Helper(() =>
            {
                WaitUntil(() => guest.Memory.ReadWord(1) > seen);
                context.Interrupt();
            });
            Assert.Equal(SwitchReason.Interrupted, context.Switch(guest.Space, out _));
            Assert.InRange(context.Registers.Rip, Guest.Code, Guest.Code + 8);
            Assert.Equal(context.Registers.Rbx, context.Registers.Rbx & ulong.MaxValue);
            Assert.InRange(guest.Memory.ReadWord(1), context.Registers.Rbx - 1, context.Registers.Rbx);
            seen = guest.Memory.ReadWord(1);
        }
    }

    [Fact]
    public void No_interrupt_is_lost_in_a_race_with_the_end_of_a_switch()
    {
        using var guest = new Guest(Platform, EmitCountdown);
        using IContext context = guest.NewContext(Platform);
        var random = new Random(1);
        int round = 0;
        const int Rounds = 300;
        using var helper = new Helper(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                int now = i;
                WaitUntil(() => Volatile.Read(ref round) == (2 * now) + 1);
                context.Interrupt();
                Volatile.Write(ref round, (2 * now) + 2);
            }
        });
        for (int i = 0; i < Rounds; i++)
        {
            context.Registers.Rip = Guest.Code;
            // Every other round the guest leaves only because of the interrupt.
            ulong count = i % 2 == 0 ? 0 : (ulong)random.Next(1, 100_000);
            context.Registers.Rcx = count;
            Volatile.Write(ref round, (2 * i) + 1);
            SwitchReason first = context.Switch(guest.Space, out _);
            WaitUntil(() => Volatile.Read(ref round) == (2 * i) + 2);
            Assert.True(first == SwitchReason.Interrupted || (first == SwitchReason.SystemCall && count != 0));
            if (first == SwitchReason.SystemCall)
            {
                // Consumed with the other reason, or still to be reported: both leave nothing after one more switch.
                context.Interrupt();
                context.Registers.Rip = Guest.Code;
                Assert.Equal(SwitchReason.Interrupted, context.Switch(guest.Space, out _));
            }
            context.Registers.Rip = Guest.Code;
            context.Registers.Rcx = 1;
            ExpectSystemCall(context, guest, 0);
        }
    }

    [Fact]
    public void Unmapping_is_seen_by_a_thread_that_runs_guest_code()
    {
        ChangeUnderARunningGuest(
            guest => Assert.Equal(Errno.None, guest.Space.Unmap(Guest.Data, PageBytes)), SegvMapErr);
    }

    [Fact]
    public void Narrowing_is_seen_by_a_thread_that_runs_guest_code()
    {
        ChangeUnderARunningGuest(
            guest => Assert.Equal(Errno.None, guest.Space.Protect(Guest.Data, PageBytes, ReadOnly)), SegvAccErr);
    }

    [Fact]
    public void A_replaced_page_is_seen_by_a_thread_that_runs_guest_code()
    {
        using var guest = new Guest(Platform, EmitSpin);
        guest.Map(Guest.Data, 1, ReadWrite);
        using var runner = new Helper(() =>
        {
            using IContext context = guest.NewContext(Platform);
            context.Registers.Rdi = Guest.Data;
            while (guest.Memory.ReadWord(3) == 0)
            {
                context.Switch(guest.Space, out _);
            }
        });
        WaitUntil(() => guest.Memory.ReadWord(1) > 0);
        guest.Map(Guest.Data, 2, ReadWrite);
        ulong last = guest.Memory.ReadWord(1);
        WaitUntil(() => guest.Memory.ReadWord(2) > 100_000);
        Assert.Equal(last, guest.Memory.ReadWord(1));
        guest.Memory.WriteWord(3, 1);
        Assert.Equal(Errno.None, guest.Space.Unmap(Guest.Data, PageBytes));
    }

    [Fact]
    public void Threads_of_one_address_space_share_memory()
    {
        const int Threads = 8;
        const int Rounds = 50;
        using var guest = new Guest(Platform, a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.@lock.inc(__qword_ptr[rdi]);
            a.syscall();
            a.jmp(again);
        });
        guest.Map(Guest.Data, 1, ReadWrite);
        RunInParallel(Threads, _ =>
        {
            using IContext context = guest.NewContext(Platform);
            context.Registers.Rdi = Guest.Data;
            for (int i = 0; i < Rounds; i++)
            {
                ExpectSystemCall(context, guest, 0);
            }
        });
        Assert.Equal((ulong)(Threads * Rounds), guest.Memory.ReadWord(1));
    }

    [Fact]
    public void Threads_map_and_unmap_while_others_run()
    {
        const int Threads = 4;
        const int Rounds = 100;
        using var guest = new Guest(Platform, EmitPeekLoop, pages: 2 + Threads);
        RunInParallel(Threads, index =>
        {
            using IContext context = guest.NewContext(Platform);
            ulong address = Guest.Data + ((ulong)index << 20);
            guest.Memory.WriteWord(2 + index, (ulong)index + 100);
            for (int i = 0; i < Rounds; i++)
            {
                ExpectNoPeek(context, guest, address, SegvMapErr);
                guest.Map(address, 2 + index, ReadOnly);
                ExpectPeek(context, guest, address, (ulong)index + 100);
                Assert.Equal(Errno.None, guest.Space.Unmap(address, PageBytes));
            }
        });
    }

    [Fact]
    public void Many_address_spaces_live_at_once()
    {
        const int Count = 200;
        var guests = new List<Guest>();
        var contexts = new List<IContext>();
        for (int i = 0; i < Count; i++)
        {
            var guest = new Guest(Platform, EmitPeekLoop, pages: 2);
            guest.Memory.WriteWord(1, (ulong)i);
            guest.Map(Guest.Data, 1, ReadOnly);
            guests.Add(guest);
            contexts.Add(guest.NewContext(Platform));
        }
        for (int i = 0; i < Count; i++)
        {
            ExpectPeek(contexts[i], guests[i], Guest.Data, (ulong)i);
        }
        for (int i = 0; i < Count; i++)
        {
            ExpectPeek(contexts[i], guests[i], Guest.Data, (ulong)i);
            contexts[i].Dispose();
            guests[i].Dispose();
        }
    }

    [Fact]
    public void Threads_come_and_go_in_numbers()
    {
        using var guest = new Guest(Platform, EmitPeekLoop);
        guest.Map(Guest.Data, 1, ReadOnly);
        guest.Memory.WriteWord(1, 5);
        for (int i = 0; i < 20; i++)
        {
            RunInParallel(10, _ =>
            {
                using IContext context = guest.NewContext(Platform);
                ExpectPeek(context, guest, Guest.Data, 5);
            });
        }
    }

    /// <summary>Stores rbx at rdi and counts it up, for ever.</summary>
    private static void EmitSpin(Assembler a)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.mov(__[rdi], rbx);
        a.inc(rbx);
        a.jmp(again);
    }

    /// <summary>Counts rcx down to 0 and makes a system call; from 0 it takes for ever.</summary>
    private static void EmitCountdown(Assembler a)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.dec(rcx);
        a.jnz(again);
        a.syscall();
    }

    /// <summary>A thread spins writing a page; the change must make it fault, whoever makes it.</summary>
    private void ChangeUnderARunningGuest(Action<Guest> change, int code)
    {
        using var guest = new Guest(Platform, EmitSpin);
        guest.Map(Guest.Data, 1, ReadWrite);
        using var runner = new Helper(() =>
        {
            using IContext context = guest.NewContext(Platform);
            context.Registers.Rdi = Guest.Data + 8;
            FaultInfo fault = ExpectFault(context, guest);
            Assert.Equal((code, Guest.Data + 8), (fault.Code, fault.Address));
        });
        WaitUntil(() => guest.Memory.ReadWord(1, 8) > 0);
        change(guest);
        ulong last = guest.Memory.ReadWord(1, 8);
        runner.Join();
        Assert.Equal(last, guest.Memory.ReadWord(1, 8));
    }

    private static void WaitUntil(Func<bool> condition)
    {
        long deadline = Environment.TickCount64 + 20_000;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < deadline, "it does not happen");
            Thread.Yield();
        }
    }

    private static void RunInParallel(int count, Action<int> body)
    {
        var helpers = new List<Helper>();
        for (int i = 0; i < count; i++)
        {
            int index = i;
            helpers.Add(new Helper(() => body(index)));
        }
        foreach (Helper helper in helpers)
        {
            helper.Join();
        }
    }

    /// <summary>A host thread whose failure is the test's.</summary>
    private sealed class Helper : IDisposable
    {
        private readonly Thread _thread;
        private Exception? _failure;

        public Helper(Action body)
        {
            _thread = new Thread(() =>
            {
                try
                {
                    body();
                }
                catch (Exception failure)
                {
                    _failure = failure;
                }
            });
            _thread.Start();
        }

        public void Join()
        {
            _thread.Join();
            if (_failure is not null)
            {
                throw new InvalidOperationException(_failure.Message, _failure);
            }
        }

        public void Dispose() => Join();
    }
}
