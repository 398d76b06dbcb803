using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using global::Ring0;
using Iced.Intel;
using Xunit;

namespace Tests.Ring0;

/// <summary>The code of a Sentry in ring 0, as a disassembler sees it: the rules that keep the two halves
/// apart.</summary>
public sealed class ResidentCodeTests
{
    private const ulong Lower = 0x7f0000008000;
    private const ulong Upper = 0xffffff0000008000;

    private static readonly ResidentCode Code = ResidentCode.Emit(Lower, Upper, FpMove.Vectors, GuestTables.Shared);

    [Fact]
    public void The_emitted_offsets_are_those_of_the_structures()
    {
        (string Field, int Offset)[] expected =
        [
            (nameof(ResidentState.Self), ResidentOffsets.Self),
            (nameof(ResidentState.UpperEnter), ResidentOffsets.UpperEnter),
            (nameof(ResidentState.LowerReturn), ResidentOffsets.LowerReturn),
            (nameof(ResidentState.HostStack), ResidentOffsets.HostStack),
            (nameof(ResidentState.RunPage), ResidentOffsets.RunPage),
            (nameof(ResidentState.Descriptor), ResidentOffsets.Descriptor),
            (nameof(ResidentState.GuestUpper), ResidentOffsets.GuestUpper),
            (nameof(ResidentState.GuestLower), ResidentOffsets.GuestLower),
            (nameof(ResidentState.SwitchStack), ResidentOffsets.SwitchStack),
            (nameof(ResidentState.ThreadFs), ResidentOffsets.ThreadFs),
            (nameof(ResidentState.Root), ResidentOffsets.Root),
            (nameof(ResidentState.Forget), ResidentOffsets.Forget),
            (nameof(ResidentState.Reason), ResidentOffsets.Reason),
            (nameof(ResidentState.InSwitch), ResidentOffsets.InSwitch),
            (nameof(ResidentState.MissingPage), ResidentOffsets.MissingPage),
            (nameof(ResidentState.Vector), ResidentOffsets.Vector),
            (nameof(ResidentState.ErrorCode), ResidentOffsets.ErrorCode),
            (nameof(ResidentState.Cr2), ResidentOffsets.Cr2),
            (nameof(ResidentState.WantedAddress), ResidentOffsets.WantedAddress),
            (nameof(ResidentState.FpLow), ResidentOffsets.FpLow),
            (nameof(ResidentState.FpHigh), ResidentOffsets.FpHigh),
            (nameof(ResidentState.Mxcsr), ResidentOffsets.Mxcsr),
            (nameof(ResidentState.BounceInterrupt), ResidentOffsets.BounceInterrupt),
            (nameof(ResidentState.Runs), ResidentOffsets.Runs),
            (nameof(ResidentState.Interrupted), ResidentOffsets.Interrupted),
            (nameof(ResidentState.Faulted), ResidentOffsets.Faulted),
            (nameof(ResidentState.Failure), ResidentOffsets.Failure),
            (nameof(ResidentState.Kicked), ResidentOffsets.Kicked),
            (nameof(ResidentState.WantedCode), ResidentOffsets.WantedCode),
            (nameof(ResidentState.Saved), ResidentOffsets.Saved),
        ];
        Assert.Equal(typeof(ResidentState).GetFields().Length, expected.Length);
        foreach ((string field, int offset) in expected)
        {
            Assert.Equal(offset, VcpuBlock.Resident + (int)Marshal.OffsetOf<ResidentState>(field));
        }
        Assert.Equal(ResidentOffsets.End, VcpuBlock.Resident + Marshal.SizeOf<ResidentState>());
        Assert.Equal(ResidentOffsets.SavedRip, ResidentOffsets.Saved + Offset<SavedRegisters>("Rip"));
        Assert.Equal(ResidentOffsets.SavedRsp, ResidentOffsets.Saved + Offset<SavedRegisters>("Rsp"));
        Assert.Equal(ResidentOffsets.SavedRflags, ResidentOffsets.Saved + Offset<SavedRegisters>("Rflags"));
        Assert.Equal(16, Offset<GuestState>(nameof(GuestState.FpLive)));
        Assert.True(ResidentOffsets.End <= VcpuBlock.Bytes);
        Assert.True(VcpuBlock.SentryRoot + sizeof(ulong) <= VcpuBlock.Answers);
        const int AnswersEnd = VcpuBlock.Answers + (VcpuBlock.AnswerCount * VcpuBlock.AnswerBytes);
        Assert.True(AnswersEnd < VcpuBlock.StackTop / 2, "the interrupt stack needs room");
    }

    [Fact]
    public void The_code_is_the_same_wherever_it_lies()
    {
        byte[] elsewhere = 
            ResidentCode.Emit(Lower + 0x12340000, Upper - 0x7000000, FpMove.Vectors, GuestTables.Shared).Bytes;
        Assert.Equal(Code.Bytes, elsewhere);
        Assert.True(Code.Bytes.Length < 16 * 1024);
    }

    [Theory]
    [InlineData(FpMove.Whole, GuestTables.Shared)]
    [InlineData(FpMove.Vectors, GuestTables.Shared)]
    [InlineData(FpMove.Whole, GuestTables.Separate)]
    [InlineData(FpMove.Vectors, GuestTables.Separate)]
    public void Every_way_to_the_guest_gives_gs_back_at_the_last_moment(FpMove move, GuestTables tables)
    {
        List<Instruction> all = Disassemble(ResidentCode.Emit(Lower, Upper, move, tables));
        int ways = 0;
        for (int i = 1; i < all.Count; i++)
        {
            if (all[i].Mnemonic is Mnemonic.Iretq or Mnemonic.Sysretq)
            {
                Assert.Equal(Mnemonic.Swapgs, all[i - 1].Mnemonic);
                ways++;
            }
        }

        // A system call that ring 0 answers by itself, and the two of the switch.
        Assert.Equal(3, ways);
    }

    /// <summary>A way in ends where CR3 is loaded, a way out begins there.</summary>
    [Theory]
    [InlineData(FpMove.Whole)]
    [InlineData(FpMove.Vectors)]
    public void On_the_guests_own_tables_nothing_but_the_way_in_is_touched(FpMove move)
    {
        const int LongestWayOut = 3;
        var code = ResidentCode.Emit(Lower, Upper, move, GuestTables.Separate);
        List<Instruction> all = Disassemble(code);
        ulong toLower = unchecked(Lower - Upper);
        List<List<Instruction>> ways = [];
        foreach (ulong entry in (ulong[])[code.SystemCall, code.Entries[0]])
        {
            int from = all.FindIndex(at => at.IP == entry + toLower);
            ways.Add(all.GetRange(from, all.FindIndex(from, LoadsTables) - from));
        }
        for (int from = all.FindIndex(LoadsTables); from >= 0; from = all.FindIndex(from + 1, LoadsTables))
        {
            int back = all.FindIndex(from, at => at.Mnemonic is Mnemonic.Iretq or Mnemonic.Sysretq);
            if (back >= 0 && back - from <= LongestWayOut)
            {
                ways.Add(all.GetRange(from + 1, back - from));
            }
        }
        Assert.Equal(4, ways.Count);
        Assert.Equal(4, all.Count(at => LoadsTables(at)));
        var info = new InstructionInfoFactory();
        foreach (Instruction at in ways.SelectMany(way => way))
        {
            foreach (UsedMemory memory in info.GetInfo(at).GetUsedMemory())
            {
                bool wayIn = memory.Segment == Register.GS && memory.Displacement < VcpuBlock.EntryBytes;
                Assert.True(wayIn || memory.Base == Register.RSP, at.ToString());
            }
        }
    }

    [Fact]
    public void Shared_tables_are_loaded_when_translations_are_stale_and_never_else() =>
        Assert.Single(Disassemble(Code), at => LoadsTables(at));

    [Fact]
    public void Interrupts_go_on_only_where_the_process_can_go_on()
    {
        List<Instruction> all = Disassemble(Code);
        Assert.DoesNotContain(all, at => at.Mnemonic == Mnemonic.Sti);
        Instruction[] pops = all.Where(at => at.Mnemonic == Mnemonic.Popfq).ToArray();

        // One on the way back to compiled code, one in host mode, where it cannot change IF.
        Assert.Equal(2, pops.Length);
        Instruction[] lower = all.Where(at => at.IP >= Code.LowerReturn).Take(3).ToArray();
        Mnemonic[] expected = [Mnemonic.Push, Mnemonic.Popfq, Mnemonic.Ret];
        Assert.Equal(expected, lower.Select(at => at.Mnemonic).ToArray());
        Assert.Equal(0x1202UL, lower[0].GetImmediate(0));
    }

    [Fact]
    public void What_is_begun_anew_after_an_interrupt_has_changed_nothing()
    {
        (ulong first, ulong last) = Code.Restartable;
        var info = new InstructionInfoFactory();
        Instruction[] range = Disassemble(Code).Where(at => at.IP >= first && at.IP < last).ToArray();
        Assert.Equal(Mnemonic.Cli, range[^1].Mnemonic);
        foreach (Instruction at in range)
        {
            foreach (UsedMemory memory in info.GetInfo(at).GetUsedMemory())
            {
                Assert.Equal(OpAccess.Read, memory.Access);
            }
        }
    }

    [Fact]
    public void Code_reached_through_gates_lies_in_the_upper_half_and_touches_only_what_is_always_mapped()
    {
        List<Instruction> all = Disassemble(Code);
        ulong toLower = unchecked(Lower - Upper);
        ulong[] entries = [.. Code.Entries, Code.SystemCall, Code.CompatSystemCall, Code.Resume, Code.UpperEnter];
        Assert.All(entries, entry => Assert.InRange(entry, Upper, Upper + (ulong)Code.Bytes.Length));
        ulong start = entries.Min() + toLower;
        var info = new InstructionInfoFactory();
        foreach (Instruction at in all.Where(at => at.IP >= start))
        {
            foreach (UsedMemory memory in info.GetInfo(at).GetUsedMemory())
            {
                bool block = memory.Segment == Register.GS && memory.Displacement < VcpuBlock.Bytes;
                bool page = memory.Base == Register.RBX && memory.Displacement < GuestState.Bytes;
                bool stack = memory.Base == Register.RSP;
                Assert.True(block || page || stack, at.ToString());
            }
        }
    }

    [Fact]
    public void Each_vector_pushes_its_number_and_an_error_code_where_the_cpu_does_not()
    {
        List<Instruction> all = Disassemble(Code);
        ulong toLower = unchecked(Lower - Upper);
        for (int vector = 0; vector < ResidentCode.Vectors; vector++)
        {
            Instruction[] entry = all.Where(at => at.IP >= Code.Entries[vector] + toLower).Take(3).ToArray();
            int at = 0;
            if (!TrapFrame.HasErrorCode(vector))
            {
                Assert.Equal(0, (int)entry[at++].GetImmediate(0));
            }
            Assert.Equal(vector, (int)entry[at].GetImmediate(0));
            Assert.Equal(Mnemonic.Jmp, entry[at + 1].Mnemonic);
        }
    }

    private static bool LoadsTables(Instruction at) => at.Mnemonic == Mnemonic.Mov && at.Op0Register == Register.CR3;

    private static int Offset<T>(string field) => (int)Marshal.OffsetOf<T>(field);

    private static List<Instruction> Disassemble(ResidentCode code)
    {
        var decoder = Decoder.Create(64, code.Bytes, code.LowerAddress);
        List<Instruction> all = decoder.ToList();
        Assert.DoesNotContain(all, at => at.IsInvalid);
        return all;
    }
}
