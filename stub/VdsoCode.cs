using Abi.Linux;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Stub;

/// <summary>
/// The functions of vdso(7) for x86-64, and the clock that the Sentry itself uses: both compute from one <see
/// cref="VdsoParameters"/> page, so that
/// a time read with and without a system call never disagrees.
/// </summary>
internal sealed class VdsoCode
{
    private const int NsPerSecond = 1_000_000_000;

    /// <summary>ceil(2^84 / 10^9): n / 10^9 = ((n &gt;&gt; 9) * this &gt;&gt; 64) &gt;&gt; 11 for every 64-bit
    /// n.</summary>
    private const long ReciprocalOfBillion = 0x44B82FA09B5A53;

    private readonly Assembler _a = new(64);
    private readonly long? _parametersAddress;
    private readonly Label _parameters;

    private VdsoCode(long? parametersAddress)
    {
        _parametersAddress = parametersAddress;
        _parameters = _a.CreateLabel();
    }

    /// <summary>
    /// Code of the Sentry's own clock: <c>long now(int clock)</c>, nanoseconds, <see cref="VdsoImage.ClockUnusable"/>
    /// when the parameters are not usable or do not know the clock, <see cref="VdsoImage.ClockBusy"/> while they are
    /// being written. It never waits: it runs where the collector cannot stop its thread, and the writer may be
    /// waiting for the collector.
    /// </summary>
    internal static byte[] EmitClock(long parametersAddress)
    {
        VdsoCode code = new(parametersAddress);
        Assembler a = code._a;
        Label unusable = a.CreateLabel();
        Label busy = a.CreateLabel();
        code.EmitReadClock(unusable, busy);
        a.ret();
        a.Label(ref unusable);
        a.mov(rax, VdsoImage.ClockUnusable);
        a.ret();
        a.Label(ref busy);
        a.mov(rax, VdsoImage.ClockBusy);
        a.ret();
        return CodeBuilder.Assemble(a).Bytes;
    }

    /// <summary>Code of <c>ulong read_tsc(void)</c>.</summary>
    internal static byte[] EmitReadTsc()
    {
        Assembler a = new(64);
        a.lfence();
        a.rdtsc();
        a.shl(rdx, 32);
        a.or(rax, rdx);
        a.ret();
        return CodeBuilder.Assemble(a).Bytes;
    }

    /// <summary>Code of the guest's functions, to stand at <paramref name="textOffset"/> bytes after the image's
    /// start; the parameter page lies right before the image.</summary>
    internal static VdsoText EmitFunctions(int textOffset)
    {
        const int PageBytes = 4096;
        VdsoCode code = new(null);
        Assembler a = code._a;
        Label[] labels = new Label[VdsoText.Names.Length];
        for (int i = 0; i < labels.Length; i++)
        {
            labels[i] = a.CreateLabel();
        }

        code.EmitClockGetTime(ref labels[0]);
        code.EmitGetTimeOfDay(ref labels[1]);
        code.EmitTime(ref labels[2]);
        EmitForward(a, ref labels[3], SysNr.clock_getres);
        EmitForward(a, ref labels[4], SysNr.getcpu);
        return VdsoText.Assemble(a, labels, code._parameters, textOffset + PageBytes);
    }

    /// <summary>int clock_gettime(clockid_t edi, struct timespec *rsi).</summary>
    private void EmitClockGetTime(ref Label label)
    {
        Assembler a = _a;
        Label call = a.CreateLabel();
        a.Label(ref label);
        EmitReadClock(call);
        EmitSplitSeconds();
        a.mov(__[rsi], rdx);
        a.mov(__[rsi + 8], rcx);
        a.xor(eax, eax);
        a.ret();
        a.Label(ref call);
        EmitSystemCall(a, SysNr.clock_gettime);
    }

    /// <summary>int gettimeofday(struct timeval *rdi, struct timezone *rsi); either may be null, the time zone is
    /// always 0.</summary>
    private void EmitGetTimeOfDay(ref Label label)
    {
        Assembler a = _a;
        Label call = a.CreateLabel();
        Label noTime = a.CreateLabel();
        Label noZone = a.CreateLabel();
        a.Label(ref label);
        a.mov(r11, rdi);
        a.test(rdi, rdi);
        a.jz(noTime);
        a.xor(edi, edi);
        EmitReadClock(call);
        EmitSplitSeconds();
        a.mov(__[r11], rdx);
        a.mov(rax, rcx);                // microseconds = ns / 1000
        a.xor(edx, edx);
        a.mov(ecx, 1000);
        a.div(rcx);
        a.mov(__[r11 + 8], rax);
        a.Label(ref noTime);
        a.test(rsi, rsi);
        a.jz(noZone);
        a.mov(__qword_ptr[rsi], 0);
        a.Label(ref noZone);
        a.xor(eax, eax);
        a.ret();
        a.Label(ref call);
        a.mov(rdi, r11);
        EmitSystemCall(a, SysNr.gettimeofday);
    }

    /// <summary>time_t time(time_t *rdi).</summary>
    private void EmitTime(ref Label label)
    {
        Assembler a = _a;
        Label call = a.CreateLabel();
        Label done = a.CreateLabel();
        a.Label(ref label);
        a.mov(r11, rdi);
        a.xor(edi, edi);
        EmitReadClock(call);
        EmitSplitSeconds();
        a.mov(rax, rdx);
        a.test(r11, r11);
        a.jz(done);
        a.mov(__[r11], rax);
        a.Label(ref done);
        a.ret();
        a.Label(ref call);
        a.mov(rdi, r11);
        EmitSystemCall(a, SysNr.time);
    }

    /// <summary>
    /// rax = nanoseconds of clock edi. Clobbers rcx, rdx, r8, r9, r10; keeps rdi, rsi, r11. Jumps to <paramref
    /// name="otherwise"/> when the page cannot tell, and to <paramref name="whileWritten"/> while it is being written;
    /// without that it waits.
    /// </summary>
    private void EmitReadClock(Label otherwise, Label? whileWritten = null)
    {
        Assembler a = _a;
        Label busy = a.CreateLabel();
        Label read = a.CreateLabel();
        Label forward = a.CreateLabel();
        a.mov(edi, edi);
        a.cmp(edi, VdsoParameters.ClockCount);
        a.jae(otherwise);
        a.mov(ecx, VdsoParameters.ClockMask);
        a.bt(ecx, edi);
        a.jnc(otherwise);
        if (_parametersAddress is { } address)
        {
            a.mov(r8, address);
        }
        else
        {
            a.lea(r8, __[_parameters]);
        }

        a.jmp(read);
        a.Label(ref busy);
        a.pause();
        a.Label(ref read);
        a.mov(r9d, __[r8 + VdsoParameters.SequenceOffset]);
        a.test(r9b, 1);
        a.jnz(whileWritten ?? busy);
        a.cmp(__dword_ptr[r8 + VdsoParameters.IsUsableOffset], 0);
        a.je(otherwise);
        a.lfence();                     // RDTSC is not ordered against earlier loads (SDM vol. 2, RDTSC)
        a.rdtsc();
        a.shl(rdx, 32);
        a.or(rax, rdx);
        a.sub(rax, __[r8 + VdsoParameters.TscBaseOffset]);
        a.jns(forward);                 // another CPU's counter may lag a little behind the base
        a.xor(eax, eax);
        a.Label(ref forward);
        a.mul(__qword_ptr[r8 + VdsoParameters.NsPerTickOffset]);
        a.shrd(rax, rdx, 32);
        a.add(rax, __[r8 + VdsoParameters.BaseNsOffset]);
        a.add(rax, __[r8 + rdi * 8 + VdsoParameters.OffsetsOffset]);
        a.cmp(r9d, __[r8 + VdsoParameters.SequenceOffset]);
        a.jne(read);
    }

    /// <summary>rdx = rax / 10^9, rcx = rax % 10^9.</summary>
    private void EmitSplitSeconds()
    {
        Assembler a = _a;
        a.mov(rcx, rax);
        a.shr(rax, 9);
        a.mov(rdx, ReciprocalOfBillion);
        a.mul(rdx);
        a.shr(rdx, 11);
        a.imul(rax, rdx, NsPerSecond);
        a.sub(rcx, rax);
    }

    private static void EmitForward(Assembler a, ref Label label, int number)
    {
        a.Label(ref label);
        EmitSystemCall(a, number);
    }

    private static void EmitSystemCall(Assembler a, int number)
    {
        a.mov(eax, number);
        a.syscall();
        a.ret();
    }
}
