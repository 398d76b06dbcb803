using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Ring0;

/// <summary>
/// Floating-point state between the CPU and the guest's XSAVE area in standard format (SDM vol. 1, 13.4), which is
/// complete but for x87 while <see cref="GuestState.FpLive"/> is set.
/// </summary>
public sealed partial class ResidentCode
{
    private const int MxcsrOffset = GuestState.Fp + 24;
    private const int XmmOffset = GuestState.Fp + 160;
    private const int YmmHighOffset = GuestState.Fp + 576;
    private const int ComponentsOffset = 512;
    private const int VectorBytes = 16;
    private const int X87Component = 1;
    private const int VectorComponents = 6;

    /// <summary>x87 in the legacy region: control and pointers, then the registers. MXCSR lies between.</summary>
    private const int X87Pointers = 16;
    private const int X87Registers = 32;
    private const int X87End = 160;

    private static readonly AssemblerRegisterXMM[] Xmm =
    [
        xmm0, xmm1, xmm2, xmm3, xmm4, xmm5, xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15,
    ];

    private static readonly AssemblerRegisterYMM[] Ymm =
    [
        ymm0, ymm1, ymm2, ymm3, ymm4, ymm5, ymm6, ymm7, ymm8, ymm9, ymm10, ymm11, ymm12, ymm13, ymm14, ymm15,
    ];

    private sealed partial class Emitter
    {
        private void EmitLoadFp()
        {
            if (_fp == FpMove.Whole)
            {
                EmitLoadWholeFp();
                return;
            }
            Label whole = a.CreateLabel();
            Label done = a.CreateLabel();
            a.cmp(__dword_ptr[rbx + GuestState.FpLiveAt], 0);
            a.je(whole);
            for (int i = 0; i < Xmm.Length; i++)
            {
                a.vmovdqu(Xmm[i], __xmmword_ptr[rbx + XmmOffset + (i * VectorBytes)]);
                a.vinsertf128(Ymm[i], Ymm[i], __xmmword_ptr[rbx + YmmHighOffset + (i * VectorBytes)], 1);
            }
            a.ldmxcsr(__dword_ptr[rbx + MxcsrOffset]);
            a.jmp(done);
            a.Label(ref whole);
            EmitLoadWholeFp();
            a.Label(ref done);
        }

        private void EmitLoadWholeFp()
        {
            LoadFpMask();
            a.xrstor64(__[rbx + GuestState.Fp]);
        }

        private void EmitStoreFp()
        {
            if (_fp == FpMove.Whole)
            {
                LoadFpMask();
                a.xsave64(__[rbx + GuestState.Fp]);
                return;
            }
            for (int i = 0; i < Xmm.Length; i++)
            {
                a.vmovdqu(__xmmword_ptr[rbx + XmmOffset + (i * VectorBytes)], Xmm[i]);
                a.vextractf128(__xmmword_ptr[rbx + YmmHighOffset + (i * VectorBytes)], Ymm[i], 1);
            }
            a.stmxcsr(__dword_ptr[rbx + MxcsrOffset]);
            a.or(__dword_ptr[rbx + GuestState.Fp + ComponentsOffset], VectorComponents);
            a.mov(__dword_ptr[rbx + GuestState.FpLiveAt], 1);
            a.vzeroupper();
        }

        /// <summary>
        /// In host mode: rdi is the guest's block, whose x87 ring 0 has just saved with everything else. Uses xmm0.
        /// </summary>
        private void EmitSpillX87()
        {
            a.movups(xmm0, __[r12 + VcpuBlock.SavedFp]);
            a.movups(__[rdi + GuestState.Fp], xmm0);
            a.mov(rax, __[r12 + VcpuBlock.SavedFp + X87Pointers]);
            a.mov(__[rdi + GuestState.Fp + X87Pointers], rax);
            for (int at = X87Registers; at < X87End; at += VectorBytes)
            {
                a.movups(xmm0, __[r12 + VcpuBlock.SavedFp + at]);
                a.movups(__[rdi + GuestState.Fp + at], xmm0);
            }
            a.or(__dword_ptr[rdi + GuestState.Fp + ComponentsOffset], X87Component);
            a.mov(__dword_ptr[rdi + GuestState.FpLiveAt], 0);
        }

        private void LoadFpMask()
        {
            a.mov(eax, GsWord(ResidentOffsets.FpLow));
            a.mov(edx, GsWord(ResidentOffsets.FpHigh));
        }
    }
}
