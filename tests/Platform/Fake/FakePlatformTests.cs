using System.Threading;
using Abi.Linux;
using global::Platform;
using Xunit;

namespace Tests.Platform.Fake;

/// <summary>The contract on the fake platform.</summary>
public sealed class FakeContract : PlatformContract
{
    private readonly FakePlatform _platform = new(new FakeGuest { Repeats = true }.Peek());

    protected override IPlatform Platform => _platform;
}

/// <summary>The scripts of the fake platform.</summary>
public sealed class FakePlatformTests
{
    private const ulong Address = 0x5000;

    [Fact]
    public void Calls_come_with_their_arguments_and_take_results()
    {
        FakeGuest guest = new FakeGuest().Call(SysNr.write, 1, 2, 3, 4, 5, 6).Returns(-9).Call(SysNr.getpid);
        using var platform = new FakePlatform();
        using IContext context = platform.Run(guest).NewContext();
        Assert.Equal(Errno.None, platform.NewAddressSpace(out IAddressSpace? space));
        Assert.Equal(SwitchReason.SystemCall, context.Switch(space!, out _));
        GuestRegisters r = context.Registers;
        Assert.Equal((1UL, 1UL, 2UL, 3UL, 4UL, 5UL, 6UL), (r.Rax, r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9));
        context.Registers.Rax = unchecked((ulong)-9L);
        Assert.Equal(SwitchReason.SystemCall, context.Switch(space!, out _));
        Assert.Equal((ulong)SysNr.getpid, context.Registers.OrigRax);
    }

    [Fact]
    public void A_result_that_was_not_expected_is_an_error()
    {
        using var platform = new FakePlatform();
        using IContext context = platform.Run(new FakeGuest().Call(SysNr.getpid).Returns(1)).NewContext();
        Assert.Equal(Errno.None, platform.NewAddressSpace(out IAddressSpace? space));
        context.Switch(space!, out _);
        context.Registers.Rax = 2;
        Assert.Throws<FakeGuestException>(() => context.Switch(space!, out _));
    }

    [Fact]
    public void Accesses_fault_until_they_are_resolved()
    {
        FakeGuest guest = new FakeGuest().Store(Address + 4094, 1, 2, 3, 4).Load(Address + 4095, 2, 3).Call(0);
        using var platform = new FakePlatform();
        using IContext context = platform.Run(guest).NewContext();
        using var memory = new GuestMemory(2);
        Assert.Equal(Errno.None, platform.NewAddressSpace(out IAddressSpace? made));
        using IAddressSpace space = made!;
        ulong[] addresses = [Address + 4094, Address + 4096];
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(SwitchReason.Fault, context.Switch(space, out FaultInfo fault));
            Assert.Equal((addresses[i], MemoryAccess.Write, 1), (fault.Address, fault.Access, fault.Code));
            ulong page = fault.Address & ~4095UL;
            MemoryAccess access = MemoryAccess.Read | MemoryAccess.Write;
            Assert.Equal(Errno.None, space.Map(page, 4096, memory.Fd, (ulong)i * 4096, access, MapHint.None));
        }
        Assert.Equal(SwitchReason.SystemCall, context.Switch(space, out _));
        Assert.Equal([1, 2, 3, 4], memory.Read(0, 4, 4094));
    }

    [Fact]
    public void A_spinning_guest_waits_for_an_interrupt()
    {
        using var platform = new FakePlatform();
        using IContext context = platform.Run(new FakeGuest().Spin()).NewContext();
        Assert.Equal(Errno.None, platform.NewAddressSpace(out IAddressSpace? space));
        var helper = new Thread(context.Interrupt);
        helper.Start();
        Assert.Equal(SwitchReason.Interrupted, context.Switch(space!, out _));
        helper.Join();
    }

    [Fact]
    public void Faults_can_be_scripted()
    {
        var raised = new FaultInfo { Signal = Signals.SIGFPE, Code = 1, Address = 7 };
        using var platform = new FakePlatform();
        using IContext context = platform.Run(new FakeGuest().Raise(raised).Call(0)).NewContext();
        Assert.Equal(Errno.None, platform.NewAddressSpace(out IAddressSpace? space));
        Assert.Equal(SwitchReason.Fault, context.Switch(space!, out FaultInfo fault));
        Assert.Equal(raised, fault);
        Assert.Equal(SwitchReason.SystemCall, context.Switch(space!, out _));
        Assert.Throws<FakeGuestException>(() => context.Switch(space!, out _));
    }
}
