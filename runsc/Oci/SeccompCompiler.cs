using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Sentry.Syscalls;

namespace Runsc.Oci;

/// <summary>
/// A profile of config.json as a program of classic BPF (seccomp(2)), for the Sentry to run over the container's
/// calls: a search over ranges of numbers whose calls have the same rules, and at its leaves the rules.
/// </summary>
internal sealed class SeccompCompiler
{
    private const string Member = "linux.seccomp";
    private const int Numbers = 512;
    private const int Arguments = 6;
    private const int ArgumentBytes = 8;
    private const int HighHalf = 4;

    private readonly List<ulong> _code = [];
    private readonly List<SeccompRuleSpec>[] _rules = new List<SeccompRuleSpec>[Numbers];
    private readonly List<int> _starts = [];
    private readonly string _file;
    private readonly uint _default;
    private int _highest = -1;

    private SeccompCompiler(string file, SeccompSpec profile)
    {
        _file = file;
        _default = ActionOf(profile.DefaultAction, profile.DefaultErrnoRet);
        Dictionary<string, int> numbers = [];
        foreach (SyscallEntry entry in SyscallTable.Entries)
        {
            numbers[entry.Name] = entry.Number;
        }

        for (int number = 0; number < Numbers; number++)
        {
            _rules[number] = [];
        }

        foreach (SeccompRuleSpec rule in profile.Syscalls ?? [])
        {
            Check(rule);
            foreach (string name in rule?.Names ?? [])
            {
                // Of another architecture, or newer than the Sentry.
                if (name is not null && numbers.TryGetValue(name, out int number))
                {
                    _rules[number].Add(rule!);
                    _highest = Math.Max(_highest, number);
                }
            }
        }

        // Without any rule there is no newest call.
        _highest = _highest < 0 ? Numbers : _highest;
    }

    /// <summary>The program; a profile that says what cannot be done is a user error.</summary>
    internal static List<ulong> Compile(string file, SeccompSpec profile)
    {
        SeccompCompiler compiler = new(file, profile);
        compiler.Emit();
        return compiler._code.Count <= Bpf.BPF_MAXINSNS ? compiler._code
            : throw compiler.Rejection("is too long a program");
    }

    /// <summary>The actions that a profile may name.</summary>
    internal static string[] ActionNames() => ["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
        "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"];

    /// <summary>The comparisons of arguments.</summary>
    internal static string[] OperatorNames() => ["SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE",
        "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"];

    private UserErrorException Rejection(string problem) => new(_file + ": " + Member + ": " + problem);

    private void Check(SeccompRuleSpec? rule)
    {
        _ = ActionOf(rule?.Action, rule?.ErrnoRet);
        foreach (SeccompArgumentSpec argument in rule?.Args ?? [])
        {
            if (argument is null || argument.Index >= Arguments)
            {
                throw Rejection("a call has six arguments");
            }
        }
    }

    private uint ActionOf(string? name, uint? errno)
    {
        const uint MaxErrno = 4095;
        uint value = errno ?? (uint)Errno.EPERM;
        if (value > MaxErrno)
        {
            throw Rejection("errnoRet " + value + " is no error number");
        }

        return name switch
        {
            "SCMP_ACT_ALLOW" => Seccomp.SECCOMP_RET_ALLOW,
            "SCMP_ACT_LOG" => Seccomp.SECCOMP_RET_LOG,
            "SCMP_ACT_ERRNO" => Seccomp.SECCOMP_RET_ERRNO | value,
            "SCMP_ACT_TRACE" => Seccomp.SECCOMP_RET_TRACE | value,
            "SCMP_ACT_TRAP" => Seccomp.SECCOMP_RET_TRAP,
            "SCMP_ACT_KILL" or "SCMP_ACT_KILL_THREAD" => Seccomp.SECCOMP_RET_KILL_THREAD,
            "SCMP_ACT_KILL_PROCESS" => Seccomp.SECCOMP_RET_KILL_PROCESS,
            "SCMP_ACT_NOTIFY" => throw Rejection("SCMP_ACT_NOTIFY is not supported"),
            _ => throw Rejection("\"" + name + "\" is no action"),
        };
    }

    private void Emit()
    {
        for (int number = 0; number < Numbers; number++)
        {
            if (number == 0 || !HaveSameRules(number - 1, number))
            {
                _starts.Add(number);
            }
        }

        _code.Add(ClassicBpf.Load(ClassicBpf.NumberOffset));
        EmitSearch(0, _starts.Count - 1);
    }

    private bool HaveSameRules(int one, int other)
    {
        bool isBeyond = other > _highest;
        if (_rules[one].Count != _rules[other].Count || (isBeyond && one == _highest))
        {
            return false;
        }

        for (int i = 0; i < _rules[one].Count; i++)
        {
            if (!ReferenceEquals(_rules[one][i], _rules[other][i]))
            {
                return false;
            }
        }

        return true;
    }

    private void EmitSearch(int first, int last)
    {
        if (first == last)
        {
            EmitRules(_starts[first]);
            return;
        }

        int middle = (first + last + 1) / 2;
        _code.Add(ClassicBpf.Jump(Bpf.BPF_JGE, (uint)_starts[middle], 0, 1));
        int far = _code.Count;
        _code.Add(0);
        EmitSearch(first, middle - 1);
        _code[far] = ClassicBpf.JumpAlways((uint)(_code.Count - far - 1));
        EmitSearch(middle, last);
    }

    /// <summary>A rule without conditions decides at once; of those with some the first that holds. A call that is
    /// newer than every one the profile names does not exist (as with runc).</summary>
    private void EmitRules(int number)
    {
        SeccompRuleSpec? plain = _rules[number].Find(static rule => rule.Args is not { Count: > 0 });
        if (plain is null)
        {
            _rules[number].ForEach(EmitRule);
        }

        bool isRefused = _default is not (Seccomp.SECCOMP_RET_ALLOW or Seccomp.SECCOMP_RET_LOG);
        _code.Add(ClassicBpf.Return(plain is not null ? ActionOf(plain.Action, plain.ErrnoRet)
            : number > _highest && isRefused ? Seccomp.SECCOMP_RET_ERRNO | (uint)Errno.ENOSYS
            : _default));
    }

    private void EmitRule(SeccompRuleSpec rule)
    {
        List<(int At, bool WhenTrue)> failures = [];
        foreach (SeccompArgumentSpec argument in rule.Args!)
        {
            EmitCondition(argument, failures);
        }

        _code.Add(ClassicBpf.Return(ActionOf(rule.Action, rule.ErrnoRet)));
        foreach ((int at, bool whenTrue) in failures)
        {
            // The distance to the next rule goes where the jump was left open.
            const int WhenTrueShift = 16;
            const int WhenFalseShift = 24;
            ulong distance = checked((byte)(_code.Count - at - 1));
            _code[at] |= distance << (whenTrue ? WhenTrueShift : WhenFalseShift);
        }
    }

    /// <summary>Goes on behind itself when the condition holds.</summary>
    private void EmitCondition(SeccompArgumentSpec argument, List<(int At, bool WhenTrue)> failures)
    {
        const int HalfBits = 32;
        uint offset = ClassicBpf.ArgumentsOffset + (argument.Index * ArgumentBytes);
        bool isMasked = argument.Operation == "SCMP_CMP_MASKED_EQ";
        ulong mask = isMasked ? argument.Value : ulong.MaxValue;
        ulong value = isMasked ? argument.ValueTwo & mask : argument.Value;
        uint high = (uint)(value >> HalfBits);
        uint low = (uint)value;
        LoadHalf(offset + HighHalf, (uint)(mask >> HalfBits));
        switch (argument.Operation)
        {
            case "SCMP_CMP_EQ" or "SCMP_CMP_MASKED_EQ":
                FailUnless(Bpf.BPF_JEQ, high, failures);
                LoadHalf(offset, (uint)mask);
                FailUnless(Bpf.BPF_JEQ, low, failures);
                break;
            case "SCMP_CMP_NE":
                // Other high halves: past the load and the test of the low ones.
                _code.Add(ClassicBpf.JumpIfEqual(high, 0, 2));
                LoadHalf(offset, uint.MaxValue);
                FailIf(Bpf.BPF_JEQ, low, failures);
                break;
            case "SCMP_CMP_GT" or "SCMP_CMP_GE":
                const int PastThree = 3;
                _code.Add(ClassicBpf.Jump(Bpf.BPF_JGT, high, PastThree, 0));
                FailUnless(Bpf.BPF_JEQ, high, failures);
                LoadHalf(offset, uint.MaxValue);
                FailUnless(argument.Operation == "SCMP_CMP_GT" ? Bpf.BPF_JGT : Bpf.BPF_JGE, low, failures);
                break;
            case "SCMP_CMP_LT" or "SCMP_CMP_LE":
                FailIf(Bpf.BPF_JGT, high, failures);
                _code.Add(ClassicBpf.JumpIfEqual(high, 0, 2));
                LoadHalf(offset, uint.MaxValue);
                FailIf(argument.Operation == "SCMP_CMP_LT" ? Bpf.BPF_JGE : Bpf.BPF_JGT, low, failures);
                break;
            default:
                throw Rejection("\"" + argument.Operation + "\" is no comparison");
        }
    }

    private void LoadHalf(uint offset, uint mask)
    {
        _code.Add(ClassicBpf.Load(offset));
        if (mask != uint.MaxValue)
        {
            _code.Add(ClassicBpf.And(mask));
        }
    }

    private void FailUnless(int test, uint value, List<(int At, bool WhenTrue)> failures)
    {
        failures.Add((_code.Count, false));
        _code.Add(ClassicBpf.Jump(test, value, 0, 0));
    }

    private void FailIf(int test, uint value, List<(int At, bool WhenTrue)> failures)
    {
        failures.Add((_code.Count, true));
        _code.Add(ClassicBpf.Jump(test, value, 0, 0));
    }
}
