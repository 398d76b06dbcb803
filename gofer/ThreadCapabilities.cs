using System;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Gofer;

/// <summary>
/// Capabilities belong to threads, and the run time starts one besides ours, the finalizer's. Dropping them there
/// takes a finalizer. Threads started later inherit.
/// </summary>
public static class ThreadCapabilities
{
    private static ulong s_keep;
    private static int s_finalizerResult = -1;

    /// <summary>
    /// Keeps of all capabilities those of the mask, on the calling thread and on the finalizer's; sets no_new_privs
    /// first. Call it before other threads are started.
    /// </summary>
    public static Errno KeepOnly(ulong keep)
    {
        s_keep = keep;
        MakeGarbage();
        while (Volatile.Read(ref s_finalizerResult) < 0)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Errno error = (Errno)s_finalizerResult;
        return error == Errno.None ? KeepOnlyHere() : error;
    }

    private static Errno KeepOnlyHere()
    {
        for (int capability = 0; capability <= Capability.CAP_LAST_CAP; capability++)
        {
            if ((s_keep >> capability & 1) == 0)
            {
                // EINVAL for those the host does not know.
                HostPrctl.Prctl(HostPrctl.CapBSetDrop, capability);
            }
        }

        Errno error = HostPrctl.Prctl(HostPrctl.SetNoNewPrivs, 1);
        return error == Errno.None ? HostPrctl.CapSet(s_keep, s_keep, 0) : error;
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static void MakeGarbage() => GC.KeepAlive(new FinalizerVisit());

    /// <summary>Does its work when it is collected.</summary>
    private sealed class FinalizerVisit
    {
        ~FinalizerVisit() => Volatile.Write(ref s_finalizerResult, (int)KeepOnlyHere());
    }
}
