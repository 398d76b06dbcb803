using System.Collections.Generic;
using Abi.Linux;

namespace HostOs;

/// <summary>How one argument of a system call is judged.</summary>
public enum SeccompTest
{
    /// <summary>(argument &amp; Mask) == Value.</summary>
    MaskedEqual,

    /// <summary>argument &lt;= Value, unsigned.</summary>
    AtMost,
}

/// <summary>One condition on an argument (0 to 5) of a system call; all 64 bits count.</summary>
public readonly record struct SeccompCheck(int Argument, SeccompTest Test, ulong Value, ulong Mask)
{
    /// <summary>The argument has this value.</summary>
    public static SeccompCheck Equal(int argument, ulong value) =>
        new(argument, SeccompTest.MaskedEqual, value, ulong.MaxValue);

    /// <summary>The bits of <paramref name="mask"/> have this value.</summary>
    public static SeccompCheck MaskedEqual(int argument, ulong mask, ulong value) =>
        new(argument, SeccompTest.MaskedEqual, value, mask);

    /// <summary>A 32-bit argument (the kernel ignores the upper half) has this value.</summary>
    public static SeccompCheck Equal32(int argument, uint value) =>
        new(argument, SeccompTest.MaskedEqual, value, uint.MaxValue);
}

/// <summary>
/// A seccomp allow-list as data: system calls, each with conditions on its arguments, compiled to a classic BPF
/// program (seccomp(2)). Several rules of one call are
/// alternatives. What no rule allows kills the process, except calls given an errno.
/// </summary>
public sealed class SeccompRules
{
    private const uint NumberOffset = 0;
    private const uint ArchOffset = 4;
    private const uint ArgumentsOffset = 16;

    private readonly SortedDictionary<int, List<SeccompCheck[]>> _allowed = [];
    private readonly SortedDictionary<int, Errno> _errors = [];

    /// <summary>Allows calls whatever their arguments are.</summary>
    public SeccompRules Allow(params int[] numbers)
    {
        foreach (int number in numbers)
        {
            _allowed[number] = [[]];
        }

        return this;
    }

    /// <summary>Allows a call when all conditions hold; calling it again for the number adds an alternative.</summary>
    public SeccompRules AllowIf(int number, params SeccompCheck[] checks)
    {
        if (!_allowed.TryGetValue(number, out List<SeccompCheck[]>? alternatives))
        {
            _allowed[number] = alternatives = [];
        }

        alternatives.Add(checks);
        return this;
    }

    /// <summary>Calls that fail with an errno instead of ending the process, where no rule allows them.</summary>
    public SeccompRules Fail(Errno errno, params int[] numbers)
    {
        foreach (int number in numbers)
        {
            _errors[number] = errno;
        }

        return this;
    }

    /// <summary>The program: struct sock_filter instructions, one word each.</summary>
    public ulong[] Compile()
    {
        List<ulong> program =
        [
            Load(ArchOffset),
            JumpIfEqual(Audit.AUDIT_ARCH_X86_64, 1, 0),
            Return(Seccomp.SECCOMP_RET_KILL_PROCESS),
            Load(NumberOffset),
        ];
        foreach ((int number, List<SeccompCheck[]> alternatives) in _allowed)
        {
            List<ulong> block = Block(alternatives, ActionOf(number));
            program.Add(JumpIfEqual((uint)number, 0, checked((byte)block.Count)));
            program.AddRange(block);
        }

        foreach ((int number, Errno errno) in _errors)
        {
            if (!_allowed.ContainsKey(number))
            {
                program.Add(JumpIfEqual((uint)number, 0, 1));
                program.Add(Return(Seccomp.SECCOMP_RET_ERRNO | (uint)errno));
            }
        }

        program.Add(Return(Seccomp.SECCOMP_RET_KILL_PROCESS));
        return [.. program];
    }

    /// <summary>Binds every thread of the process to the rules, for good. no_new_privs must be set or CAP_SYS_ADMIN
    /// held.</summary>
    public Errno Install() => HostPrctl.InstallSeccompFilter(Compile(), HostPrctl.SeccompFilterTsync);

    private static List<ulong> Block(List<SeccompCheck[]> alternatives, uint otherwise)
    {
        List<ulong> block = [];
        foreach (SeccompCheck[] checks in alternatives)
        {
            List<ulong> alternative = [];
            for (int i = checks.Length - 1; i >= 0; i--)
            {
                // Built backwards, so that the distance to the end of this alternative is known: one more than what
                // follows.
                int rest = alternative.Count + 1;
                alternative.InsertRange(0, Check(checks[i], rest));
            }

            alternative.Add(Return(Seccomp.SECCOMP_RET_ALLOW));
            block.AddRange(alternative);
        }

        block.Add(Return(otherwise));
        return block;
    }

    /// <summary>Instructions that skip <paramref name="rest"/> instructions after them when the condition
    /// fails.</summary>
    private static List<ulong> Check(SeccompCheck check, int rest)
    {
        uint low = ArgumentsOffset + ((uint)check.Argument * 8);
        uint high = low + 4;
        uint highValue = (uint)(check.Value >> 32);
        uint lowValue = (uint)check.Value;
        if (check.Test == SeccompTest.AtMost)
        {
            // high < v: pass; high > v: fail; equal: low <= v.
            byte fail = checked((byte)(rest + 2));
            return
            [
                Load(high),
                Jump(Bpf.BPF_JGT, highValue, checked((byte)(fail + 1)), 0),
                Jump(Bpf.BPF_JEQ, highValue, 0, 2),
                Load(low),
                Jump(Bpf.BPF_JGT, lowValue, checked((byte)rest), 0),
            ];
        }

        return
        [
            Load(high),
            And((uint)(check.Mask >> 32)),
            JumpIfEqual(highValue, 0, checked((byte)(rest + 3))),
            Load(low),
            And((uint)check.Mask),
            JumpIfEqual(lowValue, 0, checked((byte)rest)),
        ];
    }

    private uint ActionOf(int number) =>
        _errors.TryGetValue(number, out Errno errno) ? Seccomp.SECCOMP_RET_ERRNO | (uint)errno
            : Seccomp.SECCOMP_RET_KILL_PROCESS;

    private static ulong Load(uint offset) => Encode(Bpf.BPF_LD | Bpf.BPF_W | Bpf.BPF_ABS, 0, 0, offset);

    private static ulong And(uint mask) => Encode(Bpf.BPF_ALU | Bpf.BPF_AND | Bpf.BPF_K, 0, 0, mask);

    private static ulong JumpIfEqual(uint value, byte whenEqual, byte otherwise) =>
        Jump(Bpf.BPF_JEQ, value, whenEqual, otherwise);

    private static ulong Jump(int test, uint value, byte whenTrue, byte whenFalse) =>
        Encode(Bpf.BPF_JMP | test | Bpf.BPF_K, whenTrue, whenFalse, value);

    private static ulong Return(uint action) => Encode(Bpf.BPF_RET | Bpf.BPF_K, 0, 0, action);

    /// <summary>struct sock_filter: code, jt, jf, k.</summary>
    private static ulong Encode(int code, byte whenTrue, byte whenFalse, uint k) =>
        (ushort)code | ((ulong)whenTrue << 16) | ((ulong)whenFalse << 24) | ((ulong)k << 32);
}
