using System.Collections.Generic;
using Abi.Linux;
using static HostOs.ClassicBpf;

namespace HostOs;

/// <summary>One condition on an argument (0 to 5) of a system call: of its 64 bits those of the mask have the
/// value.</summary>
public readonly record struct SeccompCheck(int Argument, ulong Value, ulong Mask)
{
    /// <summary>The argument has this value.</summary>
    public static SeccompCheck Equal(int argument, ulong value) =>
        new(argument, value, ulong.MaxValue);

    /// <summary>The bits of <paramref name="mask"/> have this value.</summary>
    public static SeccompCheck MaskedEqual(int argument, ulong mask, ulong value) =>
        new(argument, value, mask);

    /// <summary>A 32-bit argument (the kernel ignores the upper half) has this value.</summary>
    public static SeccompCheck Equal32(int argument, uint value) =>
        new(argument, value, uint.MaxValue);
}

/// <summary>
/// A seccomp allow-list as data: system calls, each with conditions on its arguments, compiled to a classic BPF
/// program (seccomp(2)). Several rules of one call are
/// alternatives. What no rule allows kills the process, except calls given an errno.
/// </summary>
public sealed class SeccompRules
{
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
}
