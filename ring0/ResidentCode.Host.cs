using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Ring0;

/// <summary>
/// The parts that run at lower-half addresses: the switch as compiled code calls it, and in host mode the KVM_RUN loop
/// and the way from ring 0 to host mode. r12 is the vCPU's block in host mode.
/// </summary>
public sealed partial class ResidentCode
{
    private const int SysIoctl = 16;
    private const int SysSchedYield = 24;
    private const uint KvmRun = 0xae80;
    private const uint KvmInterrupt = 0x4004ae86;
    private const int ExitHlt = 5;
    private const int ExitInterruptWindow = 7;
    private const int Eintr = -4;
    private const int Eagain = -11;
    private const int Efault = -14;
    private const int Eexist = -17;

    // struct kvm_run
    private const int RequestInterruptWindow = 0;
    private const int ImmediateExit = 1;
    private const int ExitReason = 8;
    private const int ReadyForInterrupt = 12;
    private const int InterruptFlag = 13;

    private const int PageFault = 14;
    private const int ErrorPresent = 1;
    private const int ErrorFetch = 16;

    /// <summary>IF and IOPL 1: how code of the process runs in ring 0.</summary>
    private const int SentryFlags = 0x1202;

    /// <summary>Below the stack pointer leaf functions keep data (psABI 3.2.2); a return address goes below that.
    /// </summary>
    private const int RedZone = 128;

    private sealed partial class Emitter
    {
        private readonly Assembler a = new(64);
        private readonly FpMove _fp;
        private readonly GuestTables _tables;

        private Label _run;
        private Label _leave;
        private Label _fatal;

        public Emitter(FpMove fp, GuestTables tables)
        {
            _fp = fp;
            _tables = tables;
            _run = a.CreateLabel();
            _leave = a.CreateLabel();
            _fatal = a.CreateLabel();
            _toProcess = a.CreateLabel();
            _park = a.CreateLabel();
            _back = a.CreateLabel();
        }

        public Assembler Assembler => a;

        public Label Switch { get; private set; }

        public Label Check { get; private set; }

        public Label CheckEnd { get; private set; }

        public Label LowerReturn { get; private set; }

        /// <summary>
        /// rdi is the block. In ring 0 on the same vCPU goes straight on; otherwise through KVM_RUN.
        /// </summary>
        public void EmitSwitch()
        {
            Label check = a.CreateLabel();
            Label checkEnd = a.CreateLabel();
            Label host = a.CreateLabel();
            Label other = a.CreateLabel();
            Label lowerReturn = a.CreateLabel();
            Switch = Here();
            PushCalleeSaved();
            a.mov(__dword_ptr[rdi + ResidentOffsets.InSwitch], 1);
            a.Label(ref check);
            a.mov(eax, cs);
            a.test(al, 3);
            a.jnz(host);
            a.cli();                        // an interrupt up to here goes on at check in host mode
            a.Label(ref checkEnd);
            a.cmp(rdi, Gs(ResidentOffsets.Self));
            a.jne(other);
            a.jmp(Gs(ResidentOffsets.UpperEnter));

            a.Label(ref other);             // in ring 0 of another vCPU: any system call leaves it
            a.mov(eax, SysSchedYield);
            a.syscall();
            a.jmp(check);

            a.Label(ref host);
            a.mov(__[rdi + ResidentOffsets.SwitchStack], rsp);
            a.mov(rax, __qword_ptr.fs[0L]); // the thread's own FS base (psABI, thread-local storage, variant II)
            a.mov(__[rdi + ResidentOffsets.ThreadFs], rax);
            a.mov(r12, rdi);
            a.mov(rsp, __[r12 + ResidentOffsets.HostStack]);
            a.jmp(_run);

            a.Label(ref lowerReturn);
            a.push(SentryFlags);
            a.popfq();
            a.ret();
            (Check, CheckEnd, LowerReturn) = (check, checkEnd, lowerReturn);
        }

        /// <summary>
        /// Runs the vCPU until ring 0 halts. Whatever else ends KVM_RUN becomes the bounce interrupt.
        /// </summary>
        public void EmitRunLoop()
        {
            Label error = a.CreateLabel();
            Label notHalted = a.CreateLabel();
            Label inject = a.CreateLabel();
            Label window = a.CreateLabel();
            Label fault = a.CreateLabel();
            a.Label(ref _run);
            a.inc(__qword_ptr[r12 + ResidentOffsets.Runs]);
            Ioctl(KvmRun);
            a.test(rax, rax);
            a.jnz(error);
            a.mov(rbx, __[r12 + ResidentOffsets.RunPage]);
            a.mov(eax, __[rbx + ExitReason]);
            a.cmp(eax, ExitHlt);
            a.jne(notHalted);
            a.mov(__byte_ptr[rbx + RequestInterruptWindow], 0);
            a.jmp(_leave);

            a.Label(ref notHalted);
            a.cmp(eax, ExitInterruptWindow);
            a.jne(_fatal);
            a.mov(__byte_ptr[rbx + RequestInterruptWindow], 0);
            a.jmp(inject);

            a.Label(ref error);
            a.cmp(eax, Efault);
            a.je(fault);
            a.cmp(eax, Eagain);
            a.je(_run);
            a.cmp(eax, Eintr);
            a.jne(_fatal);
            a.inc(__qword_ptr[r12 + ResidentOffsets.Interrupted]);
            a.mov(rbx, __[r12 + ResidentOffsets.RunPage]);
            a.mov(__byte_ptr[rbx + ImmediateExit], 0);
            a.jmp(inject);
            a.Label(ref fault);
            a.inc(__qword_ptr[r12 + ResidentOffsets.Faulted]);
            a.mov(__dword_ptr[r12 + ResidentOffsets.MissingPage], 1);

            a.Label(ref inject);
            a.mov(rbx, __[r12 + ResidentOffsets.RunPage]);
            a.cmp(__byte_ptr[rbx + ReadyForInterrupt], 0);
            a.je(window);
            a.cmp(__byte_ptr[rbx + InterruptFlag], 0);
            a.je(window);
            a.lea(rdx, __[r12 + ResidentOffsets.BounceInterrupt]);
            IoctlWithArgument(KvmInterrupt);
            a.test(rax, rax);
            a.jz(_run);
            a.cmp(eax, Eexist);
            a.je(_run);
            a.jmp(_fatal);
            a.Label(ref window);
            a.mov(__byte_ptr[rbx + RequestInterruptWindow], 1);
            a.jmp(_run);
            EmitFatal();
        }

        /// <summary>Ring 0 has halted with its state saved: this thread goes on with it in host mode.</summary>
        public void EmitLeave()
        {
            Label exception = a.CreateLabel();
            Label count = a.CreateLabel();
            Label counted = a.CreateLabel();
            Label restartOk = a.CreateLabel();
            Label spilled = a.CreateLabel();
            a.Label(ref _leave);
            a.cmp(__dword_ptr[r12 + ResidentOffsets.Reason], HostCallReason);
            a.jne(exception);
            a.mov(rax, __[r12 + ResidentOffsets.Saved]);
            a.cmp(rax, VcpuBlock.SystemCallCounts);
            a.jae(counted);
            a.jmp(count);
            a.Label(ref exception);
            a.mov(rax, __[r12 + ResidentOffsets.Vector]);
            EmitNoteWanted();
            a.add(rax, VcpuBlock.SystemCallCounts);
            a.Label(ref count);
            a.inc(__dword_ptr[r12 + (rax * 4) + VcpuBlock.LeaveCounts]);
            a.Label(ref counted);

            a.mov(rax, __[r12 + ResidentOffsets.SavedRip]);
            a.lea(rcx, __[Check]);
            a.cmp(rax, rcx);
            a.jb(restartOk);
            a.lea(rdx, __[CheckEnd]);
            a.cmp(rax, rdx);
            a.ja(restartOk);
            a.mov(__[r12 + ResidentOffsets.SavedRip], rcx);
            a.Label(ref restartOk);

            a.mov(rdi, __[r12 + ResidentOffsets.GuestLower]);
            a.cmp(__dword_ptr[rdi + GuestState.FpLiveAt], 0);
            a.je(spilled);
            EmitSpillX87();
            a.Label(ref spilled);
            a.mov(eax, __[r12 + ResidentOffsets.FpLow]);
            a.mov(edx, __[r12 + ResidentOffsets.FpHigh]);
            a.xrstor64(__[r12 + VcpuBlock.SavedFp]);
            a.fninit();                     // what was in x87 was the guest's
            EmitGoOn();
        }

        /// <summary>
        /// A page fault on nothing at all, or on an instruction: ring 0's tables may lack what the process has there.
        /// </summary>
        private void EmitNoteWanted()
        {
            Label known = a.CreateLabel();
            Label code = a.CreateLabel();
            a.cmp(eax, PageFault);
            a.jne(known);
            a.mov(rcx, __[r12 + ResidentOffsets.Cr2]);
            a.test(__dword_ptr[r12 + ResidentOffsets.ErrorCode], ErrorFetch);
            a.jnz(code);
            a.test(__dword_ptr[r12 + ResidentOffsets.ErrorCode], ErrorPresent);
            a.jnz(known);
            a.mov(__[r12 + ResidentOffsets.WantedAddress], rcx);
            a.jmp(known);
            a.Label(ref code);
            a.mov(__[r12 + ResidentOffsets.WantedCode], rcx);
            a.Label(ref known);
        }

        /// <summary>
        /// Loads all saved registers and jumps, without a signal frame: the instruction pointer goes below the red zone
        /// and comes off with a RET that steps over it.
        /// </summary>
        private void EmitGoOn()
        {
            a.mov(rcx, __[r12 + ResidentOffsets.SavedRsp]);
            a.lea(rcx, __[rcx - RedZone - sizeof(ulong)]);
            a.mov(rax, __[r12 + ResidentOffsets.SavedRip]);
            a.mov(__[rcx], rax);
            a.push(__qword_ptr[r12 + ResidentOffsets.SavedRflags]);
            a.popfq();
            a.mov(rsp, rcx);
            for (int i = 0; i < Saved.Length; i++)
            {
                if (Saved[i] != r12)
                {
                    a.mov(Saved[i], __[r12 + ResidentOffsets.Saved + (i * sizeof(ulong))]);
                }
            }
            a.mov(r12, __[r12 + ResidentOffsets.Saved + (R12Index * sizeof(ulong))]);
            a.ret(RedZone);
        }

        /// <summary>Tells whoever waits for the switch, or ends the process: ring 0 is lost.</summary>
        private void EmitFatal()
        {
            Label die = a.CreateLabel();
            a.Label(ref _fatal);
            a.mov(__[r12 + ResidentOffsets.Failure], rax);
            a.cmp(__dword_ptr[r12 + ResidentOffsets.InSwitch], 0);
            a.je(die);
            a.mov(__dword_ptr[r12 + ResidentOffsets.InSwitch], 0);
            a.mov(rsp, __[r12 + ResidentOffsets.SwitchStack]);
            a.mov(eax, (int)ResidentReason.Failed);
            PopCalleeSaved();
            a.ret();
            a.Label(ref die);
            a.ud2();
        }

        private void Ioctl(uint request)
        {
            a.xor(edx, edx);
            IoctlWithArgument(request);
        }

        private void IoctlWithArgument(uint request)
        {
            a.mov(eax, SysIoctl);
            a.mov(rdi, __[r12 + ResidentOffsets.Descriptor]);
            a.mov(esi, request);
            a.syscall();
        }

        private void PushCalleeSaved()
        {
            a.push(rbx);
            a.push(rbp);
            a.push(r12);
            a.push(r13);
            a.push(r14);
            a.push(r15);
        }

        private void PopCalleeSaved()
        {
            a.pop(r15);
            a.pop(r14);
            a.pop(r13);
            a.pop(r12);
            a.pop(rbp);
            a.pop(rbx);
        }

        private Label Here()
        {
            Label label = a.CreateLabel();
            a.Label(ref label);
            return label;
        }

        private static AssemblerMemoryOperand Gs(int offset) => __qword_ptr.gs[(long)offset];

        private static AssemblerMemoryOperand GsWord(int offset) => __dword_ptr.gs[(long)offset];
    }
}
