using System;
using Abi.Linux;
using Stub;
using unsafe ForkTo = delegate* unmanaged<nint, nint, nint, nint>;
using unsafe SpawnFunction = delegate* unmanaged<nint, nint, nint, nint, nint, nint>;

namespace HostOs;

/// <summary>
/// A started process: its id and a descriptor that stands for it (pidfd_open(2)). The owner waits for it.
/// </summary>
public readonly record struct SpawnedProcess(int Pid, HostFd PidFd);

/// <summary>
/// Starts programs from a process with many threads: the child runs machine code only (see <see cref="SpawnCode"/>)
/// until it becomes the program.
/// </summary>
// SAFETY: what the child reads lives until the child has executed or ended.
public static unsafe class Spawn
{
    private const nuint CloneArgsBytes = 64;
    private const ulong CloneClearSigHand = 0x100000000;
    private const ulong ClonePidFd = 0x1000;

    // SAFETY: both point into code that keeps the C calling convention.
    private static readonly SpawnFunction s_spawn;
    private static readonly ForkTo s_forkTo;

    static Spawn()
    {
        SpawnCode code = SpawnCode.Prepared;
        nint start = CodeMemory.Load(code.Code);
        s_spawn = (SpawnFunction)(start + code.SpawnOffset);
        s_forkTo = (ForkTo)(start + code.ForkToOffset);
    }

    /// <summary>
    /// Starts the program. On failure no process is left and <paramref name="problem"/> says in one line which step
    /// failed; on success it is empty.
    /// The program has been executed when this returns.
    /// </summary>
    public static Errno Run(SpawnRequest request, out SpawnedProcess process, out string problem)
    {
        process = default;
        Errno error = Begin(request, out StartingProcess? starting, out problem);
        if (error != Errno.None)
        {
            return error;
        }
        using (starting)
        {
            return starting!.Finish(out process, out problem);
        }
    }

    /// <summary>
    /// As <see cref="Run"/>, but returns while the child still becomes the program, so that another can be started
    /// meanwhile. Who disposes of <paramref name="starting"/> before it was finished ends the child.
    /// </summary>
    public static Errno Begin(SpawnRequest request, out StartingProcess? starting, out string problem)
    {
        starting = null;
        var work = new SpawnWork(request);
        Errno error = work.Prepare();
        if (error != Errno.None)
        {
            problem = work.Describe("preparing descriptors", error);
            work.Dispose();
            return error;
        }
        error = Clone(work, request, out int pid, out int pidFd);
        if (error != Errno.None)
        {
            problem = work.Describe("clone3", error);
            work.Dispose();
            return error;
        }
        var begun = new StartingProcess(work, pid, new HostFd(pidFd));
        try
        {
            request.Cloned?.Invoke(pid);
            error = work.Release(pid, out problem);
            starting = error == Errno.None ? begun : null;
        }
        finally
        {
            if (starting is null)
            {
                begun.Dispose();
            }
        }
        return error;
    }

    /// <summary>
    /// Forks the process with clone3(2); the child, a copy of everything, jumps to <paramref name="address"/>, which
    /// must hold code that needs
    /// neither stack nor thread-local data. Signal handlers are reset in the child and all signals blocked. For
    /// platforms that need a bare process.
    /// </summary>
    public static Errno Fork(ulong flags, nint address, out int pid)
    {
        // SAFETY: clone_args is a local the kernel reads; the child never returns here.
        ulong* args = stackalloc ulong[(int)CloneArgsBytes / sizeof(ulong)];
        FillCloneArgs(args, flags | CloneClearSigHand, null);
        HostSignal.SetMask(HostSignal.SigSetMask, ulong.MaxValue, out ulong mask);
        long r = s_forkTo((nint)args, (nint)CloneArgsBytes, address);
        HostSignal.SetMask(HostSignal.SigSetMask, mask, out _);
        return HostSyscall.Split(r, out pid);
    }

    private static Errno Clone(SpawnWork work, SpawnRequest request, out int pid, out int pidFd)
    {
        // SAFETY: clone_args and the pidfd are locals; the script lives in work until after the exec.
        int fd = -1;
        ulong* args = stackalloc ulong[(int)CloneArgsBytes / sizeof(ulong)];
        FillCloneArgs(args, request.NamespaceFlags | CloneClearSigHand | ClonePidFd, &fd);
        HostSignal.SetMask(HostSignal.SigSetMask, ulong.MaxValue, out ulong mask);
        long r = s_spawn((nint)args, (nint)CloneArgsBytes, work.Script, work.Count, work.ReportFd);
        HostSignal.SetMask(HostSignal.SigSetMask, mask, out _);
        pidFd = fd;
        return HostSyscall.Split(r, out pid);
    }

    // SAFETY: args holds the eight words of struct clone_args, version 0 (clone(2)).
    private static void FillCloneArgs(ulong* args, ulong flags, int* pidFd)
    {
        new Span<ulong>(args, (int)CloneArgsBytes / sizeof(ulong)).Clear();
        args[0] = flags;
        args[1] = (ulong)pidFd;
        args[4] = Signals.SIGCHLD;
    }
}
