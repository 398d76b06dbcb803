using System.Collections.Generic;
using Abi.Linux;
using global::Platform;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>
/// Synchronous faults: the siginfo Linux would give, and the kind of access where the platform can tell.
/// </summary>
public abstract partial class PlatformConformance
{
    private const int SiKernel = 0x80;

    [Fact]
    public void Reading_an_unmapped_page_is_a_page_fault()
    {
        using var guest = new Guest(Platform, a => a.mov(rax, __[rdi + 16]));
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data;
        ExpectPageFault(context, guest, SegvMapErr, Guest.Data + 16, MemoryAccess.Read);
        Assert.Equal(Guest.Code, context.Registers.Rip);
    }

    [Fact]
    public void Writing_a_read_only_page_is_a_page_fault()
    {
        using var guest = new Guest(Platform, a => a.mov(__[rdi], rax));
        guest.Map(Guest.Data, Guest.DataPage, ReadOnly);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data + 8;
        ExpectPageFault(context, guest, SegvAccErr, Guest.Data + 8, MemoryAccess.Write);
    }

    [Fact]
    public void Executing_a_page_that_is_not_executable_is_a_page_fault()
    {
        using var guest = new Guest(Platform, a => a.jmp(rdi));
        guest.Map(Guest.Data, Guest.CodePage, ReadWrite);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data;
        ExpectPageFault(context, guest, SegvAccErr, Guest.Data, MemoryAccess.Execute);
        Assert.Equal(Guest.Data, context.Registers.Rip);
    }

    [Fact]
    public void Executing_an_unmapped_page_is_a_page_fault()
    {
        using var guest = new Guest(Platform, a => a.nop());
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rip = Guest.Data + 5;
        ExpectPageFault(context, guest, SegvMapErr, Guest.Data + 5, MemoryAccess.Execute);
    }

    [Fact]
    public void A_kernel_address_is_a_page_fault_that_nobody_resolves()
    {
        using var guest = new Guest(Platform, a => a.mov(rax, __[rdi]));
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = 0xffff800000000000;
        ExpectPageFault(context, guest, SegvMapErr, 0xffff800000000000, MemoryAccess.Read);
    }

    [Fact]
    public void A_push_below_the_stack_is_a_write_fault()
    {
        using var guest = new Guest(Platform, a => a.push(rax));
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rsp = Guest.Data;
        ExpectPageFault(context, guest, SegvMapErr, Guest.Data - 8, MemoryAccess.Write);
        Assert.Equal(Guest.Data, context.Registers.Rsp);
    }

    [Fact]
    public void A_string_copy_faults_on_the_side_that_is_missing()
    {
        using var guest = new Guest(Platform, a => a.rep.movsb());
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rsi = Guest.Data;
        context.Registers.Rdi = Guest.Data + 8192;
        context.Registers.Rcx = 100;
        ExpectPageFault(context, guest, SegvMapErr, Guest.Data + 8192, MemoryAccess.Write);
        context.Registers.Rsi = Guest.Data + 8192;
        context.Registers.Rdi = Guest.Data;
        ExpectPageFault(context, guest, SegvMapErr, Guest.Data + 8192, MemoryAccess.Read);
    }

    /// <summary>Fault, signal, code, and whether the address is that of the instruction (otherwise 0).</summary>
    public static TheoryData<string, int, int, bool> Traps => new()
    {
        { "div", Signals.SIGFPE, 1, true },
        { "ud2", Signals.SIGILL, 2, true },
        { "int3", Signals.SIGTRAP, SiKernel, false },
        { "hlt", Signals.SIGSEGV, SiKernel, false },
        { "int 0x80", Signals.SIGSEGV, SiKernel, false },
        { "int 0x20", Signals.SIGSEGV, SiKernel, false },
        { "noncanonical", Signals.SIGSEGV, SiKernel, false },
        { "sse", Signals.SIGFPE, 7, true },
        { "in", Signals.SIGSEGV, SiKernel, false },
        { "misaligned", Signals.SIGSEGV, SiKernel, false },
    };

    [Theory]
    [MemberData(nameof(Traps))]
    public void A_trap_has_the_siginfo_of_Linux(string kind, int signal, int code, bool atInstruction)
    {
        using var guest = new Guest(Platform, a => EmitTrap(a, kind));
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data;
        context.Registers.Rsi = 1UL << 62;
        context.Registers.Rax = 77;
        FaultInfo fault = ExpectFault(context, guest);
        Assert.Equal((signal, code), (fault.Signal, fault.Code));
        Assert.False(fault.IsPageFault);
        ulong instruction = kind == "sse" ? Guest.Code + 3 : Guest.Code;
        Assert.Equal(atInstruction ? instruction : 0, fault.Address);
        Assert.Equal(kind == "int3" ? Guest.Code + 1 : instruction, context.Registers.Rip);
        Assert.Equal(77UL, context.Registers.Rax);
        Assert.Equal(ulong.MaxValue, context.Registers.OrigRax);
    }

    [Fact]
    public void Touching_a_mapping_beyond_the_end_of_its_file_is_a_bus_error()
    {
        using var guest = new Guest(Platform, a => a.mov(rax, __[rdi]), pages: 2);
        Errno error = guest.Space.Map(Guest.Data, 4096, guest.Memory.Fd, 1 << 20, ReadWrite, MapHint.None);
        Assert.Equal(Errno.None, error);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data + 8;
        FaultInfo fault = ExpectFault(context, guest);
        Assert.Equal((Signals.SIGBUS, 2, Guest.Data + 8), (fault.Signal, fault.Code, fault.Address));
        Assert.False(fault.IsPageFault);
    }

    [Fact]
    public void Faults_are_resolved_by_mapping_and_running_on()
    {
        const int Pages = 64;
        using var guest = new Guest(Platform, EmitTouchPages, Pages + 1);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data;
        context.Registers.Rcx = Pages;
        var faults = new List<ulong>();
        SwitchReason reason;
        while ((reason = context.Switch(guest.Space, out FaultInfo fault)) == SwitchReason.Fault)
        {
            Assert.True(fault.IsPageFault);
            faults.Add(fault.Address);
            int page = (int)((fault.Address - Guest.Data) / 4096);
            guest.Map(Guest.Data + ((ulong)page * 4096), page + 1, ReadWrite);
        }
        Assert.Equal(SwitchReason.SystemCall, reason);
        Assert.Equal(Pages, faults.Count);
        for (int i = 0; i < Pages; i++)
        {
            Assert.Equal((ulong)(Pages - i), guest.Memory.ReadWord(i + 1));
        }
    }

    /// <summary>For rcx pages from rdi on, writes rcx, counting down; then a system call.</summary>
    private static void EmitTouchPages(Assembler a)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.mov(__[rdi], rcx);
        a.add(rdi, 4096);
        a.dec(rcx);
        a.jnz(again);
        a.syscall();
    }

    private static void EmitTrap(Assembler a, string kind)
    {
        switch (kind)
        {
            case "div":
                a.div(rbx);
                break;
            case "ud2":
                a.ud2();
                break;
            case "int3":
                a.int3();
                break;
            case "hlt":
                a.hlt();
                break;
            case "int 0x80":
                a.@int(0x80);
                break;
            case "int 0x20":
                a.@int(0x20);
                break;
            case "in":
                a.@in(al, dx);
                break;
            case "misaligned":
                a.movaps(xmm0, __[rdi + 8]);
                break;
            case "sse":
                a.ldmxcsr(__dword_ptr[rdi]);
                a.divss(xmm0, xmm0);
                break;
            default:
                a.mov(rbx, __[rsi]);
                break;
        }
    }

    private protected static void ExpectPageFault(
        IContext context, Guest guest, int code, ulong address, MemoryAccess access)
    {
        FaultInfo fault = ExpectFault(context, guest);
        Assert.Equal((Signals.SIGSEGV, code, address), (fault.Signal, fault.Code, fault.Address));
        Assert.True(fault.IsPageFault);
        Assert.Equal(access, fault.Access);
        Assert.Equal(14u, fault.TrapNumber);
    }
}
