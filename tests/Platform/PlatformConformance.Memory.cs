using Abi.Linux;
using global::Platform;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>Address-space operations that need guests of their own.</summary>
public abstract partial class PlatformConformance
{
    [Fact]
    public void Writes_of_the_guest_and_of_the_host_meet_in_the_file()
    {
        using var guest = new Guest(Platform, a =>
        {
            a.inc(__qword_ptr[rdi]);
            a.syscall();
        });
        guest.Map(Guest.Data, 5, ReadWrite, 1, MapHint.Populate);
        guest.Memory.WriteWord(5, 41);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data;
        ExpectSystemCall(context, guest, 0);
        Assert.Equal(42UL, guest.Memory.ReadWord(5));
    }

    [Fact]
    public void Code_can_change_under_the_guest()
    {
        using var guest = new Guest(Platform, a => a.syscall());
        using IContext context = guest.NewContext(Platform);
        ulong[] values = [1, 2, 3];
        foreach (ulong value in values)
        {
            guest.Memory.Write(Guest.CodePage, Guest.Assemble(a =>
            {
                a.mov(rax, value);
                a.syscall();
            }));
            context.Registers.Rip = Guest.Code;
            ExpectSystemCall(context, guest, value);
        }
    }

    [Fact]
    public void A_guest_can_write_its_own_code_through_another_mapping()
    {
        using var guest = new Guest(Platform, a =>
        {
            a.mov(__dword_ptr[rdi + 64], eax);
            a.mov(rdx, Guest.Code + 64);
            a.jmp(rdx);
        });
        guest.Map(Guest.Data, Guest.CodePage, ReadWrite);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data;
        byte[] bytes = Guest.Assemble(a =>
        {
            a.syscall();
            a.ud2();
        });
        context.Registers.Rax = System.BitConverter.ToUInt32(bytes);
        Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
        Assert.Equal(Guest.Code + 66, context.Registers.Rip);
    }
}
