using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Ring0;

/// <summary>
/// The ring-0 code of a guest whose kernel is in host mode: every system call and exception halts at once, and the
/// host sees from the instruction pointer which it was. One instruction per trap, because there are machines that
/// emulate ring 0 instruction by instruction. Loaded at one upper-half address for all vCPUs.
/// </summary>
public sealed class TrapCode
{
    /// <summary>Bytes from the entry of one vector to the next.</summary>
    public const int VectorStride = 8;

    /// <summary>Rounds of the calibration loop.</summary>
    public const int CalibrationRounds = 2000;

    /// <summary>Instructions of the calibration loop, the halt with them.</summary>
    public const int CalibrationInstructions = (2 * CalibrationRounds) + 2;

    private const int HaltBytes = 1;
    private const int Dividend = 1764;
    private const int Divisor = 42;

    private readonly ulong[] _vectors = new ulong[DescriptorTables.Vectors];

    private TrapCode(ulong address)
    {
        Address = address;
    }

    /// <summary>Where the code runs.</summary>
    public ulong Address { get; }

    public byte[] Bytes { get; private set; } = [];

    /// <summary>IA32_LSTAR.</summary>
    public ulong SystemCall { get; private set; }

    /// <summary>
    /// Rewrites the first byte of rcx tables whose addresses rsi lists, reloads CR3, and halts. A hypervisor that
    /// shadows page tables learns of changes made behind its back from the write, a CPU from the load.
    /// </summary>
    public ulong TouchTables { get; private set; }

    /// <summary>Reloads CR3, loads rax from the address in rsi, and halts.</summary>
    public ulong Peek { get; private set; }

    /// <summary>Counts <see cref="CalibrationRounds"/> down and halts: who runs ring 0 shows in how long that takes and
    /// in what the hypervisor has to do for it.</summary>
    public ulong Calibration { get; private set; }

    /// <summary>
    /// Loads rcx with CS and rax with <see cref="Quotient"/>, which takes arithmetic that compiled code is full of and
    /// that emulators of kernels' instructions lack, and halts.
    /// </summary>
    public ulong Compute { get; private set; }

    /// <summary>What <see cref="Compute"/> finds: the bits of a floating-point number.</summary>
    public static ulong Quotient => System.BitConverter.DoubleToUInt64Bits((double)Dividend / Divisor);

    /// <summary>Entry of each vector.</summary>
    public System.ReadOnlySpan<ulong> Vectors => _vectors;

    /// <summary>Emits the code for an address that is a multiple of <see cref="VectorStride"/>.</summary>
    public static TrapCode Emit(ulong address)
    {
        var code = new TrapCode(address);
        var a = new Assembler(64);
        for (int vector = 0; vector <= DescriptorTables.Vectors; vector++)
        {
            EmitHalt(a);                    // the last is the system call's
        }
        Label touch = EmitTouch(a);
        Label calibrate = EmitCalibration(a);
        Label peek = EmitPeek(a);
        Label compute = EmitCompute(a);
        CodeImage image = CodeImage.Assemble(a, address);
        code.Bytes = image.Bytes;
        for (int vector = 0; vector < DescriptorTables.Vectors; vector++)
        {
            code._vectors[vector] = address + ((ulong)vector * VectorStride);
        }
        code.SystemCall = address + ((ulong)DescriptorTables.Vectors * VectorStride);
        code.TouchTables = image.AddressOf(touch);
        code.Calibration = image.AddressOf(calibrate);
        code.Peek = image.AddressOf(peek);
        code.Compute = image.AddressOf(compute);
        return code;
    }

    /// <summary>
    /// What halted, from the instruction pointer after the HLT: a vector, or <see cref="DescriptorTables.Vectors"/>
    /// for a system call. False for any other place.
    /// </summary>
    public bool TryGetVector(ulong rip, out int vector)
    {
        ulong offset = unchecked(rip - Address - HaltBytes);
        vector = (int)(offset / VectorStride);
        return offset % VectorStride == 0 && offset <= (ulong)DescriptorTables.Vectors * VectorStride;
    }

    private static void EmitHalt(Assembler a)
    {
        a.hlt();
        a.ud2();                            // never reached: the host sets another instruction pointer
        for (int i = HaltBytes + 2; i < VectorStride; i++)
        {
            a.int3();
        }
    }

    private static Label EmitTouch(Assembler a)
    {
        Label entry = a.CreateLabel();
        Label next = a.CreateLabel();
        Label reload = a.CreateLabel();
        a.Label(ref entry);
        a.test(rcx, rcx);
        a.jz(reload);
        a.Label(ref next);
        a.mov(rax, __[rsi]);
        a.mov(dl, __[rax]);
        a.mov(__[rax], dl);
        a.add(rsi, sizeof(ulong));
        a.dec(rcx);
        a.jnz(next);
        a.Label(ref reload);
        a.mov(rax, cr3);
        a.mov(cr3, rax);
        a.hlt();
        a.ud2();
        return entry;
    }

    private static Label EmitPeek(Assembler a)
    {
        Label entry = a.CreateLabel();
        a.Label(ref entry);
        a.mov(rax, cr3);
        a.mov(cr3, rax);
        a.mov(rax, __[rsi]);
        a.hlt();
        a.ud2();
        return entry;
    }

    private static Label EmitCalibration(Assembler a)
    {
        Label entry = a.CreateLabel();
        Label again = a.CreateLabel();
        a.Label(ref entry);
        a.mov(ecx, CalibrationRounds);
        a.Label(ref again);
        a.dec(ecx);
        a.jnz(again);
        a.hlt();
        a.ud2();
        return entry;
    }

    private static Label EmitCompute(Assembler a)
    {
        Label entry = a.CreateLabel();
        a.Label(ref entry);
        a.mov(ecx, cs);
        a.mov(eax, Dividend);
        a.cvtsi2sd(xmm0, eax);
        a.mov(eax, Divisor);
        a.cvtsi2sd(xmm1, eax);
        a.divsd(xmm0, xmm1);                // exact: it leaves no flag in MXCSR
        a.movq(rax, xmm0);
        a.pxor(xmm0, xmm0);
        a.pxor(xmm1, xmm1);
        a.hlt();
        a.ud2();
        return entry;
    }
}
