using System;
using System.Buffers.Binary;

namespace Ring0;

/// <summary>
/// GDT, IDT and TSS of one vCPU as bytes (SDM vol. 3, 3.4.5, 6.14.1, 7.7). User selectors are those of Linux, because
/// programs can read them; SYSCALL and SYSRET want them in this order (SDM vol. 2, SYSRET).
/// </summary>
public static class DescriptorTables
{
    public const ushort KernelCode = 0x10;
    public const ushort KernelData = 0x18;
    public const ushort UserCode32 = 0x23;
    public const ushort UserData = 0x2b;
    public const ushort UserCode = 0x33;
    public const ushort TaskState = 0x40;

    public const int GdtBytes = 0x50;
    public const int TssBytes = 0x68;
    public const int GateBytes = 16;

    /// <summary>Exceptions of the architecture; every other INT n is a general-protection fault.</summary>
    public const int Vectors = 32;
    public const int IdtBytes = Vectors * GateBytes;

    /// <summary>The one interrupt stack that every gate uses: ring 0 code may have data below its stack
    /// pointer.</summary>
    public const int InterruptStack = 1;

    /// <summary>IA32_STAR: SYSCALL loads CS from bits 32 on, SYSRET from bits 48 on.</summary>
    public const ulong Star = ((ulong)UserCode32 << 48) | ((ulong)KernelCode << 32);

    /// <summary>
    /// IA32_FMASK: SYSCALL clears TF, IF, DF, IOPL, NT, AC.
    /// </summary>
    public const ulong SyscallFlagMask = 0x47700;

    private const ulong KernelCodeDescriptor = 0x00af9b000000ffff;
    private const ulong KernelDataDescriptor = 0x00cf93000000ffff;
    private const ulong UserCode32Descriptor = 0x00cffb000000ffff;
    private const ulong UserDataDescriptor = 0x00cff3000000ffff;
    private const ulong UserCodeDescriptor = 0x00affb000000ffff;

    private const int TssStack0 = 4;
    private const int TssInterruptStacks = 0x24;
    private const int TssIoMap = 0x66;
    private const byte InterruptGate = 0x8e;
    private const byte UserMayRaise = 0x60;
    private const int Breakpoint = 3;
    private const int Overflow = 4;

    /// <summary>Fills a GDT; the TSS lies at <paramref name="tss"/>.</summary>
    public static void WriteGdt(Span<byte> gdt, ulong tss)
    {
        gdt[..GdtBytes].Clear();
        Put(gdt, KernelCode, KernelCodeDescriptor);
        Put(gdt, KernelData, KernelDataDescriptor);
        Put(gdt, UserCode32, UserCode32Descriptor);
        Put(gdt, UserData, UserDataDescriptor);
        Put(gdt, UserCode, UserCodeDescriptor);
        ulong low = (TssBytes - 1) | ((tss & 0xffffff) << 16) | (0x89UL << 40) | ((tss >> 24 & 0xff) << 56);
        Put(gdt, TaskState, low);
        Put(gdt, TaskState + 8, tss >> 32);
    }

    /// <summary>Fills a TSS: one stack for everything, no port for anybody.</summary>
    public static void WriteTss(Span<byte> tss, ulong stackTop)
    {
        tss[..TssBytes].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(tss[TssStack0..], stackTop);
        int ist = TssInterruptStacks + ((InterruptStack - 1) * sizeof(ulong));
        BinaryPrimitives.WriteUInt64LittleEndian(tss[ist..], stackTop);
        BinaryPrimitives.WriteUInt16LittleEndian(tss[TssIoMap..], TssBytes);
    }

    /// <summary>Fills an IDT of interrupt gates, one per vector, to the given addresses.</summary>
    public static void WriteIdt(Span<byte> idt, ReadOnlySpan<ulong> entries)
    {
        for (int vector = 0; vector < entries.Length; vector++)
        {
            Span<byte> gate = idt.Slice(vector * GateBytes, GateBytes);
            ulong entry = entries[vector];
            gate.Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(gate, (ushort)entry);
            BinaryPrimitives.WriteUInt16LittleEndian(gate[2..], KernelCode);
            gate[4] = InterruptStack;
            gate[5] = (byte)(InterruptGate | (vector is Breakpoint or Overflow ? UserMayRaise : 0));
            BinaryPrimitives.WriteUInt16LittleEndian(gate[6..], (ushort)(entry >> 16));
            BinaryPrimitives.WriteUInt32LittleEndian(gate[8..], (uint)(entry >> 32));
        }
    }

    private static void Put(Span<byte> gdt, int selector, ulong descriptor) =>
        BinaryPrimitives.WriteUInt64LittleEndian(gdt[(selector & ~7)..], descriptor);
}
