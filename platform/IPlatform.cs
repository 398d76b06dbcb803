using System;

namespace Platform;

/// <summary>
/// A way to run guest user code: it makes address spaces and contexts. Nothing above this interface knows which one
/// it is.
/// All members are safe to call from any thread unless they say otherwise.
/// </summary>
public interface IPlatform : IDisposable
{
    /// <summary>
    /// Short name as <c>--platform</c> takes it: <c>ptrace</c>, <c>systrap</c>, <c>kvm</c>, <c>fake</c>.
    /// </summary>
    string Name { get; }

    /// <summary>
    /// First address the guest may not use (exclusive upper bound of every mapping), a multiple of the page size.
    /// </summary>
    ulong MaxUserAddress { get; }

    /// <summary>First address the guest may use, a multiple of the page size; Linux's vm.mmap_min_addr.</summary>
    ulong MinUserAddress => 65536;

    /// <summary>
    /// Size in bytes of the floating-point state in XSAVE standard format (SDM vol. 1, 13.4), as on this CPU.
    /// </summary>
    int FpStateBytes { get; }

    /// <summary>One line for the log about what has been done so far; empty when there is nothing to say.</summary>
    string Report => "";

    /// <summary>Makes an empty address space. ENOMEM or EAGAIN when the host refuses.</summary>
    Abi.Linux.Errno NewAddressSpace(out IAddressSpace? addressSpace);

    /// <summary>
    /// Promises that a descriptor stays open and names the same file until the platform is disposed: mapping it may
    /// then
    /// cost less. Call it before the process is confined.
    /// </summary>
    void Keep(int hostFd)
    {
    }

    /// <summary>
    /// A thread of a task is about to sleep until another one wakes it, and has looked out for that since <paramref
    /// name="start"/> (<see cref="System.Diagnostics.Stopwatch"/>): gives the CPU to others once; false when it should
    /// sleep. Where waking a sleeper costs more than looking out for a while.
    /// </summary>
    bool LookOut(long start) => false;

    /// <summary>
    /// Makes the context of one guest thread. Must be called on, and the context only switched on, the host thread
    /// that runs that guest thread.
    /// </summary>
    IContext NewContext();
}
