using Sentry.Vfs;

namespace Sentry.Mm;

/// <summary>
/// Addresses of a program's parts (Linux's mm_struct fields), set by execve and prctl(PR_SET_MM), shown in
/// /proc/pid/{stat,cmdline,environ,auxv,exe}.
/// </summary>
public struct ProcessImage
{
    public ulong StartCode;
    public ulong EndCode;
    public ulong StartData;
    public ulong EndData;
    public ulong StartStack;
    public ulong ArgumentStart;
    public ulong ArgumentEnd;
    public ulong EnvironmentStart;
    public ulong EnvironmentEnd;

    /// <summary>Auxiliary vector as the program got it, AT_NULL included.</summary>
    public byte[]? AuxiliaryVector;

    /// <summary>The program: /proc/pid/exe. The memory manager keeps the reference it is given.</summary>
    public FileDescription? Executable;
}

/// <summary>What a new address space needs to know.</summary>
public struct MemoryLayoutRequest
{
    /// <summary>Soft RLIMIT_STACK at execve: the gap left for the stack (arch/x86/mm/mmap.c).</summary>
    public ulong StackLimitBytes;

    /// <summary>Random bits for the mapping base, the stack and the break; 0 switches randomisation off
    /// (ADDR_NO_RANDOMIZE).</summary>
    public ulong RandomSeed;
}

/// <summary>Resource limits of the process that uses an address space (getrlimit(2)); implemented by the thread
/// group.</summary>
public interface IMemoryLimits
{
    /// <summary>Soft limit of RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK or RLIMIT_MEMLOCK; ulong.MaxValue for
    /// none.</summary>
    ulong SoftLimit(int resource);

    /// <summary>True when the calling task must end: what takes long is given up.</summary>
    bool IsEnding { get; }
}
