using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Ring0;

/// <summary>
/// The parts that run in ring 0 at upper-half addresses, with interrupts off: into the guest and out of it. rbx is the
/// guest's block; gs is the vCPU's, but for the time between SWAPGS and the guest.
/// </summary>
public sealed partial class ResidentCode
{
    private const int HostCallReason = 1;
    private const int ExceptionReason = 2;

    /// <summary>CF PF AF ZF SF TF DF OF NT RF AC ID: what a program may set (SDM vol. 1, 3.4.3).</summary>
    private const int UserFlags = 0x254dd5;
    private const int FixedFlags = 0x202;

    /// <summary>Flags that SYSRET would act on too early: TF, RF.</summary>
    private const int IretFlags = 0x10100;

    private const int SyscallBytes = 2;
    private const int AnswerShift = 4;

    /// <summary>IOPL 1 in the flags of code of the process.</summary>
    private const int SentryMark = 0x1000;
    private const int Enosys = -38;

    // What the vector entry and the CPU have pushed (SDM vol. 3, 6.14.2).
    private const int FrameVector = 0;
    private const int FrameError = 8;
    private const int FrameRip = 16;
    private const int FrameCs = 24;
    private const int FrameFlags = 32;
    private const int FrameRsp = 40;
    private const int FrameSs = 48;

    private const int R12Index = 11;

    /// <summary>In the order of <see cref="SavedRegisters"/>.</summary>
    private static readonly AssemblerRegister64[] Saved =
        [rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15];

    /// <summary>All that the guest's block has a place for, but rbx and rsp, which are moved by other ways.</summary>
    private static readonly (AssemblerRegister64 Register, int Offset)[] Guest =
    [
        (rax, GuestState.Rax), (rcx, GuestState.Rcx), (rdx, GuestState.Rdx), (rsi, GuestState.Rsi),
        (rdi, GuestState.Rdi), (rbp, GuestState.Rbp), (r8, GuestState.R8), (r9, GuestState.R9), (r10, GuestState.R10),
        (r11, GuestState.R11), (r12, GuestState.R12), (r13, GuestState.R13), (r14, GuestState.R14),
        (r15, GuestState.R15),
    ];

    private sealed partial class Emitter
    {
        private Label _toProcess;
        private Label _park;
        private Label _back;

        public Label UpperEnter { get; private set; }

        public Label Resume { get; private set; }

        public Label SystemCall { get; private set; }

        public Label CompatSystemCall { get; private set; }

        public Label[] Entries { get; } = new Label[Vectors];

        /// <summary>Into the guest: from compiled code in ring 0, and from a halt.</summary>
        public void EmitEnter()
        {
            Label forget = a.CreateLabel();
            Label forgotten = a.CreateLabel();
            Label interruptReturn = a.CreateLabel();
            Label kicked = a.CreateLabel();
            UpperEnter = Here();
            a.mov(Gs(ResidentOffsets.SwitchStack), rsp);
            Resume = Here();
            a.mov(rbx, Gs(ResidentOffsets.GuestUpper));
            a.cmp(GsWord(ResidentOffsets.Forget), 0);
            a.jne(forget);                  // in any case: once the switch is back the old root may be freed
            a.Label(ref forgotten);
            a.cmp(GsWord(ResidentOffsets.Kicked), 0);
            a.jne(kicked);                  // a kick from here on finds interrupts off and waits for the guest
            EmitLoadFp();
            a.mov(rax, __[rbx + GuestState.FsBase]);
            a.wrfsbase(rax);
            a.swapgs();
            a.mov(rax, __[rbx + GuestState.GsBase]);
            a.wrgsbase(rax);
            a.swapgs();
            EmitSystemReturn(interruptReturn);
            a.Label(ref interruptReturn);
            EmitInterruptReturn();
            a.Label(ref forget);
            if (_tables == GuestTables.Shared)
            {
                a.mov(rax, Gs(ResidentOffsets.Root));
                a.mov(cr3, rax);
            }
            a.mov(GsWord(ResidentOffsets.Forget), 0);
            a.jmp(forgotten);
            a.Label(ref kicked);
            a.xor(eax, eax);
            a.xchg(GsWord(ResidentOffsets.Kicked), eax);    // a fence too: the reasons are looked at after it
            a.mov(r15d, (int)ResidentReason.Bounced);
            a.jmp(_back);
        }

        /// <summary>SYSCALL: the guest's, or that of compiled code in ring 0, which means the host kernel.</summary>
        public void EmitSystemCall()
        {
            Label hostCall = a.CreateLabel();
            CompatSystemCall = Here();      // as Linux without 32-bit system calls; nothing of ours is touched
            a.mov(eax, unchecked((uint)Enosys));
            a.sysret();
            SystemCall = Here();
            a.test(r11d, SentryMark);
            a.jnz(hostCall);
            a.swapgs();
            a.mov(Gs(VcpuBlock.Scratch), rbx);
            EmitAnswer();
            EmitToSentryTables();
            EmitStoreGuest();
            a.mov(__[rbx + GuestState.Rip], rcx);
            a.mov(__[rbx + GuestState.Eflags], r11);
            a.mov(__[rbx + GuestState.OrigRax], rax);
            a.mov(__[rbx + GuestState.Rsp], rsp);
            a.mov(__qword_ptr[rbx + GuestState.Cs], DescriptorTables.UserCode);
            a.mov(__qword_ptr[rbx + GuestState.Ss], DescriptorTables.UserData);
            a.mov(r15d, (int)ResidentReason.SystemCall);
            a.jmp(_toProcess);

            a.Label(ref hostCall);
            EmitStoreSaved();
            a.mov(Gs(ResidentOffsets.SavedRsp), rsp);
            a.sub(rcx, SyscallBytes);
            a.mov(Gs(ResidentOffsets.SavedRip), rcx);
            a.mov(Gs(ResidentOffsets.SavedRflags), r11);
            a.mov(GsWord(ResidentOffsets.Reason), HostCallReason);
            a.Label(ref _park);
            a.mov(eax, GsWord(ResidentOffsets.FpLow));
            a.mov(edx, GsWord(ResidentOffsets.FpHigh));
            a.xsave64(__xmmword_ptr.gs[(long)VcpuBlock.SavedFp]);
            a.hlt();
            a.jmp(Resume);
        }

        /// <summary>
        /// A call whose answer is known goes back at once, by SYSRET: rcx and r11 are still what SYSCALL made of them.
        /// Not when a flag must wait for the first instruction. rbx is in the scratch word.
        /// </summary>
        private void EmitAnswer()
        {
            Label unanswered = a.CreateLabel();
            a.mov(ebx, eax);
            a.and(ebx, VcpuBlock.AnswerCount - 1);
            a.shl(ebx, AnswerShift);
            a.cmp(rax, __qword_ptr.gs[rbx + VcpuBlock.Answers]);
            a.jne(unanswered);
            a.test(r11d, IretFlags);
            a.jnz(unanswered);
            a.mov(rax, __qword_ptr.gs[rbx + (VcpuBlock.Answers + sizeof(ulong))]);
            a.mov(rbx, Gs(VcpuBlock.Scratch));
            a.swapgs();
            a.sysretq();
            a.Label(ref unanswered);
        }

        /// <summary>Exceptions and the bounce interrupt, on a stack of their own.</summary>
        public void EmitExceptions()
        {
            Label common = a.CreateLabel();
            Label ring0 = a.CreateLabel();
            Label exception = a.CreateLabel();
            for (int vector = 0; vector < Vectors; vector++)
            {
                Entries[vector] = Here();
                if (!TrapFrame.HasErrorCode(vector))
                {
                    a.push(0);
                }
                a.push(vector);
                a.jmp(common);
            }
            a.Label(ref common);
            a.test(__byte_ptr[rsp + FrameCs], 3);
            a.jz(ring0);
            a.swapgs();
            a.mov(Gs(VcpuBlock.Scratch), rbx);
            EmitToSentryTables();
            EmitStoreGuest();
            a.mov(__qword_ptr[rbx + GuestState.OrigRax], -1);
            EmitStoreFrame();
            a.mov(r15d, (int)ResidentReason.Exception);
            a.cmp(__dword_ptr[rbx + GuestState.VectorAt], BounceVector);
            a.jne(exception);
            a.mov(r15d, (int)ResidentReason.Bounced);
            a.Label(ref exception);
            a.jmp(_toProcess);

            a.Label(ref ring0);
            EmitStoreSaved();
            MoveToGs(FrameVector, ResidentOffsets.Vector);
            MoveToGs(FrameError, ResidentOffsets.ErrorCode);
            MoveToGs(FrameRip, ResidentOffsets.SavedRip);
            MoveToGs(FrameFlags, ResidentOffsets.SavedRflags);
            MoveToGs(FrameRsp, ResidentOffsets.SavedRsp);
            a.mov(rax, cr2);
            a.mov(Gs(ResidentOffsets.Cr2), rax);
            a.mov(GsWord(ResidentOffsets.Reason), ExceptionReason);
            a.jmp(_park);
            EmitToProcess();
        }

        /// <summary>The guest's registers are stored; r15d is the reason. Back to the caller of the switch.</summary>
        private void EmitToProcess()
        {
            a.Label(ref _toProcess);
            a.rdfsbase(rax);
            a.mov(__[rbx + GuestState.FsBase], rax);
            a.swapgs();
            a.rdgsbase(rax);
            a.swapgs();
            a.mov(__[rbx + GuestState.GsBase], rax);
            EmitStoreFp();
            a.Label(ref _back);
            a.mov(rax, Gs(ResidentOffsets.ThreadFs));
            a.wrfsbase(rax);
            a.ldmxcsr(GsWord(ResidentOffsets.Mxcsr));
            a.mov(GsWord(ResidentOffsets.InSwitch), 0);
            a.mov(eax, r15d);
            a.mov(rsp, Gs(ResidentOffsets.SwitchStack));
            PopCalleeSaved();
            a.jmp(Gs(ResidentOffsets.LowerReturn));
        }

        /// <summary>
        /// SYSRET where it leaves no trace: rcx and r11 are what it would make of them, the segments are its own, and
        /// no
        /// flag must wait for the first instruction. The caller of the switch vouches for a canonical rip.
        /// </summary>
        private void EmitSystemReturn(Label otherwise)
        {
            a.mov(rcx, __[rbx + GuestState.Rip]);
            a.cmp(rcx, __[rbx + GuestState.Rcx]);
            a.jne(otherwise);
            a.mov(r11, __[rbx + GuestState.Eflags]);
            a.cmp(r11, __[rbx + GuestState.R11]);
            a.jne(otherwise);
            a.mov(eax, r11d);
            a.and(eax, ~(UserFlags & ~IretFlags));
            a.cmp(eax, FixedFlags);
            a.jne(otherwise);
            a.cmp(__qword_ptr[rbx + GuestState.Cs], DescriptorTables.UserCode);
            a.jne(otherwise);
            foreach ((AssemblerRegister64 register, int offset) in Guest)
            {
                if (register != rcx && register != r11)
                {
                    a.mov(register, __[rbx + offset]);
                }
            }
            a.mov(rsp, __[rbx + GuestState.Rsp]);
            a.mov(rbx, __[rbx + GuestState.Rbx]);
            EmitToGuestTables();
            a.swapgs();
            a.sysretq();
        }

        /// <summary>The guest's registers are in the CPU, but rbx, which is in the scratch word.</summary>
        private void EmitToSentryTables()
        {
            if (_tables == GuestTables.Separate)
            {
                a.mov(rbx, Gs(VcpuBlock.SentryRoot));
                a.mov(cr3, rbx);
            }
        }

        /// <summary>All registers are the guest's. Nothing but the way in is there afterwards.</summary>
        private void EmitToGuestTables()
        {
            if (_tables == GuestTables.Separate)
            {
                a.mov(Gs(VcpuBlock.Scratch), rax);
                a.mov(rax, Gs(ResidentOffsets.Root));
                a.mov(cr3, rax);
                a.mov(rax, Gs(VcpuBlock.Scratch));
            }
        }

        private void EmitInterruptReturn()
        {
            Label code64 = a.CreateLabel();
            if (_tables == GuestTables.Separate)
            {
                a.rdgsbase(rax);
                a.lea(rsp, __[rax + VcpuBlock.StackTop]);
            }
            else
            {
                a.lea(rsp, __[rbx + GuestState.Fp]);
            }
            a.push(DescriptorTables.UserData);
            a.push(__qword_ptr[rbx + GuestState.Rsp]);
            a.mov(eax, __[rbx + GuestState.Eflags]);
            a.and(eax, UserFlags);
            a.or(eax, FixedFlags);
            a.push(rax);
            a.mov(eax, DescriptorTables.UserCode32);
            a.cmp(__qword_ptr[rbx + GuestState.Cs], DescriptorTables.UserCode32);
            Label chosen = a.CreateLabel();
            a.je(chosen);
            a.mov(eax, DescriptorTables.UserCode);
            a.Label(ref chosen);
            a.push(rax);
            a.push(__qword_ptr[rbx + GuestState.Rip]);
            foreach ((AssemblerRegister64 register, int offset) in Guest)
            {
                a.mov(register, __[rbx + offset]);
            }
            a.mov(rbx, __[rbx + GuestState.Rbx]);
            EmitToGuestTables();
            a.swapgs();
            a.iretq();
        }

        /// <summary>Stores the guest's registers but rsp; rbx is in the scratch word, and then its block.</summary>
        private void EmitStoreGuest()
        {
            a.mov(rbx, Gs(ResidentOffsets.GuestUpper));
            foreach ((AssemblerRegister64 register, int offset) in Guest)
            {
                a.mov(__[rbx + offset], register);
            }
            a.mov(rax, Gs(VcpuBlock.Scratch));
            a.mov(__[rbx + GuestState.Rbx], rax);
            a.mov(rax, __[rbx + GuestState.Rax]);
        }

        private void EmitStoreSaved()
        {
            for (int i = 0; i < Saved.Length; i++)
            {
                a.mov(Gs(ResidentOffsets.Saved + (i * sizeof(ulong))), Saved[i]);
            }
        }

        /// <summary>What the CPU has pushed belongs to the guest's registers.</summary>
        private void EmitStoreFrame()
        {
            a.mov(rax, __[rsp + FrameVector]);
            a.mov(__[rbx + GuestState.VectorAt], eax);
            a.mov(rax, __[rsp + FrameError]);
            a.mov(__[rbx + GuestState.ErrorCodeAt], eax);
            a.mov(rax, cr2);
            a.mov(__[rbx + GuestState.Cr2At], rax);
            (int From, int To)[] words =
            [
                (FrameRip, GuestState.Rip), (FrameCs, GuestState.Cs), (FrameFlags, GuestState.Eflags),
                (FrameRsp, GuestState.Rsp), (FrameSs, GuestState.Ss),
            ];
            foreach ((int from, int to) in words)
            {
                a.mov(rax, __[rsp + from]);
                a.mov(__[rbx + to], rax);
            }
        }

        private void MoveToGs(int frame, int offset)
        {
            a.mov(rax, __[rsp + frame]);
            a.mov(Gs(offset), rax);
        }
    }
}
