using Abi.Linux;
using global::Platform;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>
/// What every platform must do that can be shown with one guest, which reads a word and makes a system call, for
/// ever. The fake platform passes this
/// part too.
/// </summary>
public abstract class PlatformContract
{
    protected const MemoryAccess ReadOnly = MemoryAccess.Read;
    protected const MemoryAccess ReadWrite = MemoryAccess.Read | MemoryAccess.Write;
    protected const MemoryAccess ReadExecute = MemoryAccess.Read | MemoryAccess.Execute;
    protected const ulong PageBytes = 4096;
    protected const int SegvMapErr = 1;
    protected const int SegvAccErr = 2;

    protected abstract IPlatform Platform { get; }

    [Fact]
    public void Operations_take_effect_in_their_order_before_the_guest_runs_again()
    {
        using var guest = new Guest(Platform, EmitPeekLoop);
        for (int page = 1; page <= 4; page++)
        {
            guest.Memory.WriteWord(page, (ulong)page);
        }
        using IContext context = guest.NewContext(Platform);
        guest.Map(Guest.Data, 1, ReadOnly, 4);
        guest.Map(Guest.Data + PageBytes, 4, ReadOnly);
        Assert.Equal(Errno.None, guest.Space.Unmap(Guest.Data + (2 * PageBytes), PageBytes));
        ExpectPeek(context, guest, Guest.Data, 1);
        ExpectPeek(context, guest, Guest.Data + PageBytes, 4);
        ExpectNoPeek(context, guest, Guest.Data + (2 * PageBytes), SegvMapErr);
        ExpectPeek(context, guest, Guest.Data + (3 * PageBytes), 4);
        guest.Map(Guest.Data + (2 * PageBytes), 2, ReadOnly);
        ExpectPeek(context, guest, Guest.Data + (2 * PageBytes), 2);
        Assert.Equal(Errno.None, guest.Space.Unmap(Guest.Data, 4 * PageBytes));
        guest.Map(Guest.Data, 3, ReadOnly);
        ExpectPeek(context, guest, Guest.Data, 3);
        ExpectNoPeek(context, guest, Guest.Data + (3 * PageBytes), SegvMapErr);
    }

    [Fact]
    public void Protection_skips_holes_and_keeps_what_is_mapped()
    {
        using var guest = new Guest(Platform, EmitPeekLoop);
        using IContext context = guest.NewContext(Platform);
        guest.Memory.WriteWord(1, 11);
        guest.Memory.WriteWord(3, 33);
        guest.Map(Guest.Data, 1, ReadOnly);
        guest.Map(Guest.Data + (2 * PageBytes), 3, ReadOnly);
        ExpectPeek(context, guest, Guest.Data, 11);
        Assert.Equal(Errno.None, guest.Space.Protect(Guest.Data - PageBytes, 8 * PageBytes, MemoryAccess.None));
        ExpectNoPeek(context, guest, Guest.Data, SegvAccErr);
        ExpectNoPeek(context, guest, Guest.Data + PageBytes, SegvMapErr);
        ExpectNoPeek(context, guest, Guest.Data + (2 * PageBytes), SegvAccErr);
        Assert.Equal(Errno.None, guest.Space.Protect(Guest.Data - PageBytes, 8 * PageBytes, ReadOnly));
        ExpectPeek(context, guest, Guest.Data, 11);
        ExpectPeek(context, guest, Guest.Data + (2 * PageBytes), 33);
    }

    [Fact]
    public void A_descriptor_may_be_closed_as_soon_as_map_returns()
    {
        using var guest = new Guest(Platform, EmitPeekLoop);
        using IContext context = guest.NewContext(Platform);
        using (var other = new GuestMemory(1))
        {
            other.WriteWord(0, 99);
            Errno error = guest.Space.Map(Guest.Data, PageBytes, other.Fd, 0, ReadOnly, MapHint.None);
            Assert.Equal(Errno.None, error);
        }
        using var reuser = new GuestMemory(1);
        ExpectPeek(context, guest, Guest.Data, 99);
    }

    [Fact]
    public void Two_address_spaces_share_what_both_map_and_nothing_else()
    {
        using var parent = new Guest(Platform, EmitPeekLoop);
        parent.Map(Guest.Data, 1, ReadOnly);
        parent.Map(Guest.Data + PageBytes, 2, ReadWrite);
        parent.Memory.WriteWord(1, 10);
        parent.Memory.WriteWord(2, 20);
        parent.Memory.WriteWord(3, 30);
        Assert.Equal(Errno.None, Platform.NewAddressSpace(out IAddressSpace? made));
        using IAddressSpace copy = made!;
        int fd = parent.Memory.Fd;
        Assert.Equal(Errno.None, copy.Map(Guest.Code, PageBytes, fd, 0, ReadExecute, MapHint.None));
        Assert.Equal(Errno.None, copy.Map(Guest.Data, PageBytes, fd, PageBytes, ReadOnly, MapHint.None));
        Assert.Equal(Errno.None, copy.Map(
            Guest.Data + PageBytes, PageBytes, fd, 3 * PageBytes, ReadWrite, MapHint.None));
        using IContext one = parent.NewContext(Platform);
        using IContext two = parent.NewContext(Platform);
        ExpectPeek(one, parent, Guest.Data, 10);
        ExpectPeek(one, parent, Guest.Data + PageBytes, 20);
        ExpectPeek(two, copy, Guest.Data, 10);
        ExpectPeek(two, copy, Guest.Data + PageBytes, 30);
        Assert.Equal(Errno.None, copy.Unmap(Guest.Data, PageBytes));
        ExpectPeek(one, parent, Guest.Data, 10);
    }

    [Fact]
    public void A_context_can_go_from_one_address_space_to_another_and_back()
    {
        using var first = new Guest(Platform, EmitPeekLoop);
        using var second = new Guest(Platform, EmitPeekLoop);
        first.Map(Guest.Data, 1, ReadOnly);
        second.Map(Guest.Data, 1, ReadOnly);
        first.Memory.WriteWord(1, 1);
        second.Memory.WriteWord(1, 2);
        using IContext context = first.NewContext(Platform);
        for (int i = 0; i < 5; i++)
        {
            ExpectPeek(context, first, Guest.Data, 1);
            ExpectPeek(context, second, Guest.Data, 2);
        }
    }

    [Fact]
    public void An_address_space_may_go_before_the_contexts_that_were_in_it()
    {
        using var second = new Guest(Platform, EmitPeekLoop);
        second.Map(Guest.Data, 1, ReadOnly);
        second.Memory.WriteWord(1, 2);
        var first = new Guest(Platform, EmitPeekLoop);
        using IContext context = first.NewContext(Platform);
        using IContext idle = first.NewContext(Platform);
        ExpectNoPeek(context, first, Guest.Data, SegvMapErr);
        ExpectNoPeek(idle, first, Guest.Data, SegvMapErr);
        first.Dispose();
        ExpectPeek(context, second, Guest.Data, 2);
        ExpectPeek(idle, second, Guest.Data, 2);
    }

    [Fact]
    public void Bad_ranges_and_descriptors_are_refused()
    {
        using var guest = new Guest(Platform, a => a.syscall());
        int fd = guest.Memory.Fd;
        ulong end = Platform.MaxUserAddress;
        Assert.Equal(Errno.EINVAL, guest.Space.Map(end, PageBytes, fd, 0, ReadOnly, MapHint.None));
        Assert.Equal(Errno.EINVAL, guest.Space.Map(end - PageBytes, 2 * PageBytes, fd, 0, ReadOnly, MapHint.None));
        Assert.Equal(Errno.EINVAL, guest.Space.Map(Guest.Data + 1, PageBytes, fd, 0, ReadOnly, MapHint.None));
        Assert.Equal(Errno.EINVAL, guest.Space.Unmap(ulong.MaxValue - 4095, PageBytes));
        Assert.Equal(Errno.EINVAL, guest.Space.Protect(0, end + PageBytes, ReadOnly));
        Assert.Equal(Errno.EBADF, guest.Space.Map(Guest.Data, PageBytes, 1_000_000, 0, ReadOnly, MapHint.None));
        Assert.Equal(Errno.None, guest.Space.Map(end - PageBytes, PageBytes, fd, 0, ReadOnly, MapHint.None));
        Assert.Equal(Errno.None, guest.Space.Unmap(0, end));
    }

    [Fact]
    public void The_whole_range_is_the_guests_and_nothing_of_the_host_is_in_it()
    {
        using var guest = new Guest(Platform, EmitPeekLoop);
        using IContext context = guest.NewContext(Platform);
        ExpectNoPeek(context, guest, 0, SegvMapErr);
        ExpectNoPeek(context, guest, Platform.MaxUserAddress - 8, SegvMapErr);
        guest.Map(Platform.MaxUserAddress - PageBytes, 1, ReadOnly);
        guest.Memory.WriteWord(1, 7);
        ExpectPeek(context, guest, Platform.MaxUserAddress - PageBytes, 7);
        // Where the host process has its own code, data and stacks the guest finds nothing.
        for (ulong address = 1UL << 46; address < Platform.MaxUserAddress - PageBytes; address += 1UL << 40)
        {
            ExpectNoPeek(context, guest, address, SegvMapErr);
        }
    }

    [Fact]
    public void An_interrupt_before_the_switch_is_reported_once()
    {
        using var guest = new Guest(Platform, EmitPeekLoop);
        guest.Map(Guest.Data, 1, ReadOnly);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data;
        context.Interrupt();
        context.Interrupt();
        Assert.Equal(SwitchReason.Interrupted, context.Switch(guest.Space, out _));
        Assert.Equal(Guest.Code, context.Registers.Rip);
        ExpectSystemCall(context, guest, 1);
        ExpectSystemCall(context, guest, 1);
        context.Interrupt();
        Assert.Equal(SwitchReason.Interrupted, context.Switch(guest.Space, out _));
        ExpectSystemCall(context, guest, 1);
    }


    [Fact]
    public void Interrupting_a_disposed_context_is_harmless()
    {
        using var guest = new Guest(Platform, EmitPeekLoop);
        IContext context = guest.NewContext(Platform);
        ExpectNoPeek(context, guest, Guest.Data, SegvMapErr);
        context.Dispose();
        context.Interrupt();
        context.Dispose();
    }


    /// <summary>Reads the word at rdi into rbx and makes system call 1, for ever.</summary>
    private protected static void EmitPeekLoop(Assembler a)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.mov(eax, 1);
        a.mov(rbx, __[rdi]);
        a.syscall();
        a.jmp(again);
    }

    private protected static void ExpectPeek(IContext context, Guest guest, ulong address, ulong value) =>
        ExpectPeek(context, guest.Space, address, value);

    private protected static void ExpectPeek(IContext context, IAddressSpace space, ulong address, ulong value)
    {
        context.Registers.Rip = Guest.Code;
        context.Registers.Rdi = address;
        SwitchReason reason = context.Switch(space, out FaultInfo fault);
        Assert.True(reason == SwitchReason.SystemCall, $"{reason} {fault.Signal} {fault.Code} {fault.Address:x}");
        Assert.Equal(value, context.Registers.Rbx);
    }

    private protected static void ExpectNoPeek(IContext context, Guest guest, ulong address, int code)
    {
        context.Registers.Rip = Guest.Code;
        context.Registers.Rdi = address;
        FaultInfo fault = ExpectFault(context, guest);
        Assert.Equal((Signals.SIGSEGV, code, address), (fault.Signal, fault.Code, fault.Address));
    }

    private protected static void ExpectSystemCall(IContext context, Guest guest, ulong number)
    {
        SwitchReason reason = context.Switch(guest.Space, out FaultInfo fault);
        string seen = $"{reason}, signal {fault.Signal}, code {fault.Code}, at {fault.Address:x}";
        Assert.True(reason == SwitchReason.SystemCall, seen);
        Assert.Equal(number, context.Registers.Rax);
        Assert.Equal(number, context.Registers.OrigRax);
    }

    private protected static FaultInfo ExpectFault(IContext context, Guest guest)
    {
        Assert.Equal(SwitchReason.Fault, context.Switch(guest.Space, out FaultInfo fault));
        return fault;
    }
}
