using System.Runtime.InteropServices;
using Abi.Linux;
using HostOs;
using Platform.Stubs;

namespace Platform.Ptrace;

/// <summary>
/// Finds the format of the floating-point state as PTRACE_GETREGSET hands it out, with the enabled components in the
/// bytes the CPU leaves to software.
/// </summary>
// SAFETY: the probe buffer is larger than any area; it is read within the length the kernel reports.
internal static unsafe class FpProbe
{
    private const int ProbeBytes = 64 * 1024;

    /// <summary>Asks the kernel about a stopped tracee. EOPNOTSUPP without XSAVE.</summary>
    public static Errno Probe(int tid, out FpFormat? format)
    {
        format = null;
        byte* area = (byte*)NativeMemory.AllocZeroed(ProbeBytes);
        Errno error = Tracing.MoveFpState(HostPtrace.GetRegSet, tid, (nint)area, ProbeBytes, out int bytes);
        if (error == Errno.None && bytes < FpFormat.MinBytes)
        {
            error = Errno.EOPNOTSUPP;
        }
        if (error == Errno.None)
        {
            ulong components = *(ulong*)(area + FpFormat.SoftwareOffset);
            format = new FpFormat(bytes, components, *(uint*)(area + FpFormat.MxcsrMaskOffset));
        }
        NativeMemory.Free(area);
        return error;
    }
}
