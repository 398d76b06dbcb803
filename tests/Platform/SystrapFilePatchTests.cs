using System;
using Abi.Linux;
using global::Platform;
using global::Platform.Systrap;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>Code in a file: its sites are those of all processes.</summary>
public sealed class SystrapFilePatchTests(
    EagerSystrapFixture patching, SystrapFixture plain, PatchingSystrapFixture usual)
    : SystrapPatchCases(patching, plain, GuestBacking.File), IClassFixture<PatchingSystrapFixture>
{
    private const ulong PageBytes = 4096;
    private const ulong Elsewhere = 0x7000_0000;
    private const MemoryAccess ReadExecute = MemoryAccess.Read | MemoryAccess.Execute;

    private readonly SystrapPlatform _patching = patching.Platform;
    private readonly SystrapPlatform _usual = usual.Platform;

    [Fact]
    public void What_has_trapped_twice_is_patched_where_the_file_is_mapped_next()
    {
        using var first = new Guest(_usual, GuestBacking.File, EmitCalls);
        MapCode(first.Space, first, Guest.Code);
        Assert.Equal((1L, 4L), CountCalls(_usual, first.Space, Guest.Code, 5));
        Assert.Equal((3L, 1L), CountCallsOfNext(first, 4));

        // The third site has trapped twice by now too; of a memory file, each process learns for itself.
        Assert.Equal((30L, 0L), CountCallsOfNext(first, 30));
        using var other = new Guest(_usual, EmitCalls);
        MapCode(other.Space, other, Guest.Code);
        Assert.Equal((0L, 30L), CountCalls(_usual, other.Space, Guest.Code, 30));
        Assert.Equal((0L, 30L), CountCallsOfNext(other, 30));
    }

    [Fact]
    public void A_page_that_nobody_calls_by_is_given_to_few()
    {
        using var first = new Guest(_usual, GuestBacking.File, EmitCalls);
        MapCode(first.Space, first, Guest.Code);
        Assert.Equal((1L, 5L), CountCalls(_usual, first.Space, Guest.Code, 6));
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal((0L, 0L), CountCallsOfNext(first, 0));
        }
        _usual.Drain();
        Assert.Equal((0L, 3L), CountCallsOfNext(first, 3));
    }

    [Fact]
    public void Sites_that_look_like_it_are_patched_when_the_first_of_them_traps()
    {
        using var first = new Guest(_usual, GuestBacking.File, EmitFar);
        first.Memory.Write(Guest.CodePage + 1, Guest.Assemble(EmitFunctions, Guest.Code + PageBytes));
        byte[] before = first.Memory.Read(Guest.CodePage, 2 * (int)PageBytes);
        MapCode(first.Space, first, Guest.Code, pages: 2);
        Assert.Equal((11L, 1L), CountCalls(_usual, first.Space, Guest.Code, 12));
        Assert.Equal(before, first.Memory.Read(Guest.CodePage, 2 * (int)PageBytes));
        Assert.Equal(Errno.None, _usual.NewAddressSpace(out IAddressSpace? next));
        MapCode(next!, first, Guest.Code, pages: 2);
        Assert.Equal((12L, 0L), CountCalls(_usual, next!, Guest.Code, 12));
        next!.Dispose();
    }

    [Fact]
    public void What_only_contains_the_bytes_of_a_call_is_left_alone()
    {
        // The program shows, in RBX, what it reads where no call is; there is a call to look around from in its page.
        byte[] data = [0xb8, 0x0f, 0x05, 0xc3, 0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0, 0xff, 0x7f, 0xb8, 0, 0, 1, 0, 0x0f,
            0x05, 0xc3, 0x48, 0xc7, 0x45, 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3];
        using var guest = new Guest(_usual, GuestBacking.File, a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.movzx(ebx, __byte_ptr[rsi]);
            a.inc(rsi);
            a.mov(eax, 39);
            a.syscall();
            a.cmp(rax, -4096);
            a.jmp(again);
        });
        guest.Memory.Write(Guest.CodePage, data, 2048);
        MapCode(guest.Space, guest, Guest.Code);
        using IContext context = guest.NewContext(_usual);
        foreach (byte expected in data)
        {
            context.Registers.Rsi = context.Registers.Rsi == 0 ? Guest.Code + 2048 : context.Registers.Rsi;
            Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
            Assert.Equal(expected, context.Registers.Rbx);
        }
        Assert.Equal(1, ((SystrapContext)context).TrappedCalls);
    }

    [Fact]
    public void A_call_that_ends_in_the_next_page_is_patched_as_long_as_that_page_is_there()
    {
        using var first = new Guest(_usual, GuestBacking.File, a => a.jmp(Guest.Code + PageBytes - 18));
        first.Memory.Write(Guest.CodePage, Astride, (int)PageBytes - Astride.Length);
        first.Memory.Write(Guest.CodePage + 1, [0x05, 0xeb, 0xeb]);
        first.Memory.Write(Guest.CodePage + 2, [0x0b, 0xeb, 0xeb]);
        first.Memory.Write(Guest.CodePage + 3, [0x05, 0xeb, 0xeb]);
        MapCode(first.Space, first, Guest.Code, pages: 2);
        Assert.Equal((3L, 2L), CountCalls(_usual, first.Space, Guest.Code, 5));

        // The same file, but another page behind.
        Assert.Equal(Errno.None, _usual.NewAddressSpace(out IAddressSpace? other));
        MapCode(other!, first, Guest.Code);
        MapPage(other!, first, Guest.Code + PageBytes, Guest.CodePage + 3);
        Assert.Equal((0L, 5L), CountCalls(_usual, other!, Guest.Code, 5));
        other!.Dispose();

        Assert.Equal(Errno.None, _usual.NewAddressSpace(out IAddressSpace? next));
        MapCode(next!, first, Guest.Code, pages: 2);
        Assert.Equal((5L, 0L), CountCalls(_usual, next!, Guest.Code, 5));
        MapPage(next!, first, Guest.Code + PageBytes, Guest.CodePage + 2);
        ExpectNoCall(next!, first);
        next!.Dispose();
    }

    /// <summary>Room, a number, two moves and the first byte of a SYSCALL.</summary>
    private static byte[] Astride =>
        [0x90, 0x90, 0x90, 0x90, 0xb8, 15, 0, 0, 0, 0x48, 0x89, 0xfe, 0xbf, 0x9c, 0xff, 0xff, 0xff, 0x0f];

    /// <summary>The bytes are UD2 now. The page before may have to be mapped again.</summary>
    private void ExpectNoCall(IAddressSpace space, Guest of)
    {
        using IContext context = _usual.NewContext();
        context.Registers.Rip = Guest.Code;
        context.Registers.Eflags = 0x202;
        SwitchReason reason = context.Switch(space, out FaultInfo fault);
        if (reason == SwitchReason.Fault && fault.IsPageFault)
        {
            MapCode(space, of, Guest.Code);
            reason = context.Switch(space, out fault);
        }
        Assert.Equal((SwitchReason.Fault, Signals.SIGILL), (reason, fault.Signal));
        Assert.Equal(Guest.Code + PageBytes - 1, context.Registers.Rip);
    }

    private static void MapPage(IAddressSpace space, Guest of, ulong address, int page) =>
        Assert.Equal(Errno.None, space.Map(
            address, PageBytes, of.Memory.Fd, (ulong)page * PageBytes, ReadExecute, MapHint.Private));

    /// <summary>A call and two of functions in the next page, over and over.</summary>
    private static void EmitFar(Assembler a)
    {
        Label again = a.CreateLabel();
        Label back = a.CreateLabel();
        a.lea(rsp, __[back]);
        a.Label(ref again);
        a.mov(eax, r12d);
        a.nop();
        a.syscall();
        a.cmp(rax, -4096);
        a.jmp(Guest.Code + PageBytes + 32);
        a.Label(ref back);
        a.dq(Guest.Code + PageBytes + 96, Guest.Code);
    }

    /// <summary>Two functions that are nothing but a call.</summary>
    private static void EmitFunctions(Assembler a)
    {
        foreach (int number in (int[])[39, 40])
        {
            for (int i = 0; i < 32; i++)
            {
                a.nop();
            }
            a.mov(eax, number);
            a.syscall();
            a.ret();
            for (int i = 8; i < 32; i++)
            {
                a.nop();
            }
        }
    }

    private (long Patched, long Trapped) CountCallsOfNext(Guest of, int calls)
    {
        Assert.Equal(Errno.None, _usual.NewAddressSpace(out IAddressSpace? next));
        MapCode(next!, of, Guest.Code);
        (long, long) counts = CountCalls(_usual, next!, Guest.Code, calls);
        next!.Dispose();
        return counts;
    }

    [Fact]
    public void Sites_that_one_process_found_are_patched_in_the_next_wherever_it_has_the_file()
    {
        using var first = new Guest(_patching, GuestBacking.File, EmitCalls);
        Assert.Equal((12L, 3L), CountCalls(_patching, first.Space, Guest.Code, 15));
        foreach (ulong address in (ulong[])[Guest.Code, Elsewhere])
        {
            Assert.Equal(Errno.None, _patching.NewAddressSpace(out IAddressSpace? next));
            MapCode(next!, first, address);
            Assert.Equal((15L, 0L), CountCalls(_patching, next!, address, 15));
            next!.Dispose();
        }
    }

    [Fact]
    public void A_file_that_has_changed_is_patched_anew()
    {
        using var first = new Guest(_patching, GuestBacking.File, EmitCalls);
        Assert.Equal((12L, 3L), CountCalls(_patching, first.Space, Guest.Code, 15));

        // The same instructions, one byte further on.
        first.Memory.Write(Guest.CodePage, [0x90, .. Guest.Assemble(EmitCalls, Guest.Code + 1)]);
        Assert.Equal(Errno.None, _patching.NewAddressSpace(out IAddressSpace? next));
        MapCode(next!, first, Guest.Code);
        Assert.Equal((12L, 3L), CountCalls(_patching, next!, Guest.Code, 15));
        next!.Dispose();
    }

    [Fact]
    public void A_file_mapped_twice_in_a_process_is_patched_in_both_places()
    {
        using var first = new Guest(_patching, GuestBacking.File, EmitCalls);
        Assert.Equal((12L, 3L), CountCalls(_patching, first.Space, Guest.Code, 15));
        MapCode(first.Space, first, Elsewhere);
        Assert.Equal((12L, 3L), CountCalls(_patching, first.Space, Elsewhere, 15));
        Assert.Equal((15L, 0L), CountCalls(_patching, first.Space, Guest.Code, 15));
    }

    [Fact]
    public void A_process_whose_site_was_torn_keeps_it_to_itself()
    {
        using var first = new Guest(_patching, GuestBacking.File, EmitCalls);
        using (IContext context = first.NewContext(_patching))
        {
            for (int i = 0; i < 6; i++)
            {
                Assert.Equal(SwitchReason.SystemCall, context.Switch(first.Space, out _));
            }

            // Into the middle of the comparison.
            context.Registers.Rip = Guest.Code + 9;
            context.Switch(first.Space, out _);
        }
        Assert.Equal(Errno.None, first.Space.Unmap(Guest.Code, PageBytes));
        MapCode(first.Space, first, Guest.Code);
        (long patched, long trapped) = CountCalls(_patching, first.Space, Guest.Code, 15);
        Assert.Equal(15, patched + trapped);
        Assert.True(trapped >= 5, $"{trapped} trapped");
        Assert.Equal(Errno.None, _patching.NewAddressSpace(out IAddressSpace? next));
        MapCode(next!, first, Guest.Code);
        Assert.Equal((15L, 0L), CountCalls(_patching, next!, Guest.Code, 15));
        next!.Dispose();
    }

    private static void MapCode(IAddressSpace space, Guest of, ulong address, ulong pages = 1)
    {
        Errno error = space.Map(address, pages * PageBytes, of.Memory.Fd, Guest.CodePage * PageBytes, ReadExecute,
            MapHint.Private);
        Assert.Equal(Errno.None, error);
    }

    /// <summary>Runs the program for some calls: how many came in by patched sites, how many by signals.</summary>
    private static (long Patched, long Trapped) CountCalls(
        SystrapPlatform platform, IAddressSpace space, ulong address, int calls)
    {
        using IContext context = platform.NewContext();
        context.Registers.Rip = address;
        context.Registers.Eflags = 0x202;
        for (int i = 0; i < calls; i++)
        {
            Assert.Equal(SwitchReason.SystemCall, context.Switch(space, out _));
            Assert.InRange(context.Registers.Rip, address, address + (2 * PageBytes));
            context.Registers.Rax = 5;
        }
        var counted = (SystrapContext)context;
        return (counted.PatchedCalls, counted.TrappedCalls);
    }

    /// <summary>Three calls over and over.</summary>
    private static void EmitCalls(Assembler a)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.mov(eax, r12d);
        a.nop();
        a.syscall();
        a.cmp(rax, -4096);
        a.mov(eax, 39);
        a.syscall();
        a.nop();
        a.mov(eax, 40);
        a.syscall();
        a.jmp(again);
    }
}
