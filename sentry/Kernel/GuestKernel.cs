using System;
using System.Runtime.Intrinsics.X86;
using System.Threading;
using Abi.Linux;
using HostOs;
using Platform;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>The root object: what exists once per sandbox. Composition happens in <c>runsc</c>.</summary>
public sealed partial class GuestKernel
{
    /// <summary>Process tree: parents, children, thread groups, sessions, process groups, PID tables.</summary>
    internal readonly OrderedLock<TasksLevel> TasksLock = new();

    private int _tasks;

    /// <summary>Makes the root namespaces; nothing runs yet.</summary>
    public GuestKernel()
    {
        RootUserNamespace = new UserNamespace(null, 0);
        RootPidNamespace = new PidNamespace(this, null, RootUserNamespace);
    }

    /// <summary>Runs guest code.</summary>
    public required IPlatform Platform { get; init; }

    /// <summary>All anonymous memory and page cache.</summary>
    public required MemoryFile MemoryFile
    {
        get;
        init
        {
            field = value;
            RootScope.Memory = value;
        }
    }

    /// <summary>User namespace of the sandbox: kuids are its ids.</summary>
    public UserNamespace RootUserNamespace { get; }

    /// <summary>PID namespace of the sandbox; every task is visible in it.</summary>
    public PidNamespace RootPidNamespace { get; }

    /// <summary>Futexes of all address spaces.</summary>
    public FutexManager Futexes { get; } = new();

    /// <summary>What users consume.</summary>
    public UserAccounts Accounts { get; } = new();

    /// <summary>What the dispatcher does besides calling handlers; for tasks made from now on.</summary>
    public DispatchFlags Instrumentation { get; set; }

    /// <summary>Where <c>--strace</c> lines go; needs <see cref="DispatchFlags.Trace"/>.</summary>
    public IStraceSink? StraceSink { get; init; }

    /// <summary>Makes pidfds; null until the descriptor's owner registered: CLONE_PIDFD then answers EINVAL.</summary>
    public IPidFdFactory? PidFds { get; set; }

    /// <summary>Most tasks of the sandbox (/proc/sys/kernel/threads-max): each has a host thread.</summary>
    public int MaxTasks { get; set; } = 16384;

    /// <summary>Bytes of memory where no limit is asked for.</summary>
    public ulong MachineMemoryBytes { get; init; } = HostOs.HostSysinfo.TotalMemoryBytes();

    /// <summary>CPUs the guest sees: those the Sentry may use.</summary>
    public int CpuCount => HostCpus.GuestCount;

    /// <summary>How they lie on the host's.</summary>
    public HostCpus HostCpus { get; init; } = new(0);

    /// <summary>What the host gives of the processors' time, for those who ask (/sys/fs/cgroup).</summary>
    public CpuBandwidth CpuBandwidth { get; set; } = new(-1, CpuBandwidth.DefaultPeriodUs, CpuBandwidth.DefaultWeight);

    /// <summary>Tasks that exist.</summary>
    public int TaskCount => Volatile.Read(ref _tasks);

    /// <summary>XSAVE features of the CPU, for signal frames (XCR0; SDM vol. 1, 13.3).</summary>
    internal ulong FpFeatures => _fpFeatures != 0 ? _fpFeatures : _fpFeatures = FindFpFeatures();

    private ulong _fpFeatures;

    /// <summary>Smallest alternate stack sigaltstack(2) takes.</summary>
    internal static int MinimumSignalStackBytes => Signals.MINSIGSTKSZ;

    /// <summary>AT_MINSIGSTKSZ: room for one signal frame with its alignment (arch/x86/kernel/signal.c,
    /// get_sigframe_size).</summary>
    internal int SignalFrameBytes
    {
        get
        {
            const int Alignment = 16;
            const int FpAlignment = 64;
            int bytes = SignalFrame.FrameBytes + Platform.FpStateBytes + XState.FP_XSTATE_MAGIC2_SIZE + FpAlignment;
            return (bytes + (2 * Alignment) - 1) & ~(Alignment - 1);
        }
    }

    /// <summary>Host threads of tasks.</summary>
    internal TaskThreads Threads { get; } = new();

    /// <summary>System calls made while <see cref="DispatchFlags.Count"/> is on.</summary>
    public SystemCallCounts SystemCallCounts { get; } = new();

    /// <summary>What the sandbox's own container consists of.</summary>
    public TaskScope RootScope { get; } = new();

    /// <summary>One more task in a container; false when that or the sandbox has as many as it may.</summary>
    internal bool TryAddTask(TaskScope scope)
    {
        if (!scope.TryAdd())
        {
            return false;
        }

        if (Interlocked.Increment(ref _tasks) <= MaxTasks)
        {
            KernelHeap.Charge(TaskBytes);
            return true;
        }

        Interlocked.Decrement(ref _tasks);
        scope.Drop();
        return false;
    }

    internal void DropTask(TaskScope scope)
    {
        scope.Drop();
        Interlocked.Decrement(ref _tasks);
        KernelHeap.Uncharge(TaskBytes);
    }

    /// <summary>The feature bits whose state lies inside the platform's image.</summary>
    private ulong FindFpFeatures()
    {
        const int ExtendedStateLeaf = 0xD;
        ulong result = 3;
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < ExtendedStateLeaf)
        {
            return result;
        }

        (int low, _, _, int high) = X86Base.CpuId(ExtendedStateLeaf, 0);
        ulong supported = (uint)low | ((ulong)(uint)high << 32);
        for (int feature = 2; feature < 63; feature++)
        {
            if ((supported >> feature & 1) == 0)
            {
                continue;
            }

            (int size, int offset, _, _) = X86Base.CpuId(ExtendedStateLeaf, feature);
            result |= offset + size <= Platform.FpStateBytes ? 1UL << feature : 0;
        }

        return result;
    }
}

/// <summary>Makes a descriptor for a process (pidfd_open(2), CLONE_PIDFD).</summary>
public interface IPidFdFactory
{
    /// <summary>Installs a descriptor (close-on-exec) in the task's table. <paramref name="flags"/>: PIDFD_NONBLOCK
    /// or 0.</summary>
    Errno Create(Task task, Pid pid, uint flags, out int fd);

    /// <summary>The process behind a descriptor; EBADF when it is no pidfd.</summary>
    Errno Get(Task task, int fd, out Pid? pid, out uint flags);
}
