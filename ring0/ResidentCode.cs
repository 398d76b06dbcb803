using System;
using Iced.Intel;

namespace Ring0;

/// <summary>How floating-point state is moved at each crossing between the guest and ring 0.</summary>
public enum FpMove
{
    /// <summary>XSAVE and XRSTOR of everything.</summary>
    Whole,

    /// <summary>
    /// The 16 YMM registers and MXCSR by hand; x87 stays in the CPU until ring 0 leaves for host mode. Only where there
    /// is AVX and nothing that compiled code could use besides (no AVX-512).
    /// </summary>
    Vectors,
}

/// <summary>What the page tables of guests have of ring 0.</summary>
public enum GuestTables
{
    /// <summary>All that it sees, for ring 0 alone: CR3 stays as it is at each crossing.</summary>
    Shared,

    /// <summary>
    /// The way in: code, descriptor tables, and the first page of each vCPU's block. The Sentry runs on tables of its
    /// own, which have nothing of the guest. For CPUs whose users can read what only ring 0 may.
    /// </summary>
    Separate,
}

/// <summary>
/// The ring-0 code of a guest whose kernel is this very process: compiled code goes on in ring 0 on the addresses it
/// has
/// in the process, and leaves for host mode whenever it makes a system call or faults. One image for all vCPUs, loaded
/// where ring 0 sees it in the upper half and the process in the lower; it is independent of where it lies.
/// </summary>
/// <remarks>
/// Who is who: code of the process has IOPL 1 in ring 0, guests have IOPL 0 and cannot change it, so SYSCALL tells by
/// R11 where it came from. Interrupts may be on only in lower-half code, because whatever they interrupt goes on in
/// host
/// mode, where there is no upper half.
/// </remarks>
public sealed partial class ResidentCode
{
    /// <summary>The vector that sends ring 0 to host mode and guests to ring 0.</summary>
    public const int BounceVector = 32;

    /// <summary>Vectors that have a gate.</summary>
    public const int Vectors = DescriptorTables.Vectors + 1;

    private readonly ulong[] _vectors = new ulong[Vectors];
    private readonly ulong _toUpper;

    private ResidentCode(ulong lowerAddress, ulong upperAddress)
    {
        LowerAddress = lowerAddress;
        _toUpper = unchecked(upperAddress - lowerAddress);
    }

    public byte[] Bytes { get; private set; } = [];

    /// <summary>Where the process has the code.</summary>
    public ulong LowerAddress { get; }

    /// <summary>
    /// The C function <c>int Switch(block)</c>, with the block's address in the process: runs the block's guest until
    /// something happens and returns a <see cref="ResidentReason"/>. Callable in ring 0 and in host mode; comes back in
    /// either.
    /// </summary>
    public ulong Switch { get; private set; }

    /// <summary>IA32_LSTAR.</summary>
    public ulong SystemCall { get; private set; }

    /// <summary>IA32_CSTAR: SYSCALL of 32-bit code.</summary>
    public ulong CompatSystemCall { get; private set; }

    /// <summary>Where a vCPU that has halted goes on: its first instruction pointer.</summary>
    public ulong Resume { get; private set; }

    /// <summary>For <see cref="ResidentState.UpperEnter"/>.</summary>
    public ulong UpperEnter { get; private set; }

    /// <summary>For <see cref="ResidentState.LowerReturn"/>.</summary>
    public ulong LowerReturn { get; private set; }

    /// <summary>Entry of each vector.</summary>
    public ReadOnlySpan<ulong> Entries => _vectors;

    /// <summary>First and last address of the part of the switch that begins anew when it is interrupted.</summary>
    internal (ulong First, ulong Last) Restartable { get; private set; }

    /// <summary>Emits the code.</summary>
    public static ResidentCode Emit(ulong lowerAddress, ulong upperAddress, FpMove fp, GuestTables tables)
    {
        var code = new ResidentCode(lowerAddress, upperAddress);
        var emitter = new Emitter(fp, tables);
        emitter.EmitSwitch();
        emitter.EmitRunLoop();
        emitter.EmitLeave();
        emitter.EmitEnter();
        emitter.EmitSystemCall();
        emitter.EmitExceptions();
        CodeImage image = CodeImage.Assemble(emitter.Assembler, lowerAddress);
        code.Bytes = image.Bytes;
        code.Switch = image.AddressOf(emitter.Switch);
        code.LowerReturn = image.AddressOf(emitter.LowerReturn);
        code.Restartable = (image.AddressOf(emitter.Check), image.AddressOf(emitter.CheckEnd));
        code.SystemCall = image.AddressOf(emitter.SystemCall) + code._toUpper;
        code.CompatSystemCall = image.AddressOf(emitter.CompatSystemCall) + code._toUpper;
        code.Resume = image.AddressOf(emitter.Resume) + code._toUpper;
        code.UpperEnter = image.AddressOf(emitter.UpperEnter) + code._toUpper;
        for (int vector = 0; vector < Vectors; vector++)
        {
            code._vectors[vector] = image.AddressOf(emitter.Entries[vector]) + code._toUpper;
        }
        return code;
    }
}
