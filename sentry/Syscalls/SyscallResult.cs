using Abi.Linux;

namespace Sentry.Syscalls;

/// <summary>What a system call leaves in RAX: a value, or minus an errno (also the in-kernel restart codes, which the
/// task loop resolves).</summary>
public readonly struct SyscallResult
{
    /// <summary>Raw value of RAX.</summary>
    public readonly long Value;

    public SyscallResult(long value) => Value = value;

    /// <summary>Success with 0.</summary>
    public static SyscallResult Ok => new(0);

    /// <summary>True for -4095..-1, the error range (arch/x86/entry: IS_ERR_VALUE).</summary>
    public bool IsError => (ulong)Value >= unchecked((ulong)-4095L);

    /// <summary>The errno, or None.</summary>
    public Errno Errno => IsError ? (Errno)(-Value) : Errno.None;

    public static implicit operator SyscallResult(Errno errno) => new(-(long)errno);

    public static implicit operator SyscallResult(long value) => new(value);

    public static implicit operator SyscallResult(int value) => new(value);

    /// <summary>The value when <paramref name="errno"/> is None, else the error.</summary>
    public static SyscallResult From(Errno errno, long value) => errno == Errno.None ? new(value) : new(-(long)errno);

    /// <summary>For byte movers: a partial count hides the error that ended it (read(2), write(2)).</summary>
    public static SyscallResult Partial(Errno errno, long done) => done > 0 || errno == Errno.None ? new(done)
        : new(-(long)errno);
}
