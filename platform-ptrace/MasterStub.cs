using System;
using Abi.Linux;
using HostOs;
using Platform.Stubs;
using Stub;

namespace Platform.Ptrace;

/// <summary>
/// The process all stub processes are forked from. Belongs to the service thread, which made it and traces it.
/// </summary>
internal sealed class MasterStub
{
    private const int FilterOffset = 8192;
    private const int FilterProgramOffset = FilterOffset + 16;
    private const int RseqUnregister = 1;
    private const ulong ForkFlags = HostSched.CloneFiles | HostSched.CloneFs | HostSched.CloneParent | ClonePtrace;
    private const ulong ThreadFlags = HostSched.CloneVm | HostSched.CloneFiles | HostSched.CloneFs |
        HostSched.CloneSigHand | HostSched.CloneThread | HostSched.CloneSysVSem;

    /// <summary>The child of a tracee is traced too and stops before its first instruction (clone(2)).</summary>
    private const ulong ClonePtrace = 0x2000;

    private readonly CommandArea _area;
    private readonly StubLayout _layout;
    private readonly StubRunner _runner;
    private readonly RegisterBlock _registers = new();

    public MasterStub(CommandArea area, StubLayout layout, StubRunner runner)
    {
        _area = area;
        _layout = layout;
        _runner = runner;
    }

    /// <summary>The master's process id.</summary>
    public int Pid { get; private set; } = -1;

    /// <summary>Whether processes can be made.</summary>
    public bool IsReady => FpFormat is not null;

    /// <summary>The floating-point state as this host has it; known after <see cref="Start"/>.</summary>
    public FpFormat? FpFormat { get; private set; }

    /// <summary>
    /// Forks the Sentry into the stub page, attaches, and strips the child of everything else. <paramref
    /// name="step"/> names what failed.
    /// </summary>
    public Errno Start(out string step)
    {
        step = "forking the master stub";
        Errno error = Spawn.Fork(HostSched.CloneFiles, (nint)_layout.Parked, out int pid);
        if (error != Errno.None)
        {
            return error;
        }
        Pid = pid;
        step = "attaching to the master stub";
        error = Tracing.Attach(pid);
        if (error == Errno.None)
        {
            step = "emptying the master stub";
            error = Strip();
        }
        if (error == Errno.None)
        {
            step = "reading the floating-point state";
            error = FpProbe.Probe(pid, out FpFormat? format);
            FpFormat = format;
        }
        if (error != Errno.None)
        {
            Kill();
        }
        return error;
    }

    /// <summary>
    /// Makes a stub process with a command slot of its own. Its leader is stopped and traced by the caller; its second
    /// thread is not traced and parks.
    /// </summary>
    public Errno NewProcess(out StubProcess process)
    {
        process = default;
        Errno error = _area.Take(out int slot);
        if (error != Errno.None)
        {
            return error;
        }
        error = _runner.Clone(Pid, _registers, ForkFlags | Signals.SIGCHLD, out int pid);
        if (error == Errno.None)
        {
            error = SetUp(pid, slot, out int tid);
            process = new StubProcess(pid, slot, tid);
        }
        if (error != Errno.None)
        {
            _area.Return(slot);
        }
        return error;
    }

    private Errno SetUp(int pid, int slot, out int tid)
    {
        const int Count = 3;
        tid = -1;
        Errno error = Tracing.AwaitTracedChild(pid);
        if (error == Errno.None)
        {
            // The last entry replaces the memory the script is read from; nothing is read after it.
            var clone = new ScriptEntry(SysNr.clone, ThreadFlags);
            _area.Write(0, 0, new ScriptEntry(SysNr.prctl, HostPrctl.SetPDeathSig, Signals.SIGKILL));
            _area.Write(0, 1, clone.With(ScriptFlags.ChildParks));
            _area.Write(0, 2, MapCommands(slot));
            error = Judge(_runner.RunScript(pid, _registers, Count), Count);
            tid = (int)_registers.Value.R15;
        }
        if (error != Errno.None)
        {
            HostSignal.Kill(pid, Signals.SIGKILL);
            Reap(pid);
        }
        return error;
    }

    /// <summary>Makes a thread in a stub process. It is not traced and parks.</summary>
    public Errno NewThread(int leader, out int tid) => _runner.Clone(leader, _registers, ThreadFlags, out tid);

    /// <summary>Runs a script in the leader of a stub process.</summary>
    public ScriptOutcome RunScript(int leader, int count) => _runner.RunScript(leader, _registers, count);

    /// <summary>Waits for the end of a killed stub process.</summary>
    public static void Reap(int pid)
    {
        while (Tracing.Wait(pid, out int status) && Tracing.IsStop(status))
        {
        }
    }

    /// <summary>Ends the master.</summary>
    public void Kill()
    {
        HostSignal.Kill(Pid, Signals.SIGKILL);
        Reap(Pid);
        _registers.Dispose();
    }

    private static Errno Judge(ScriptOutcome outcome, int count)
    {
        if (outcome.Dead)
        {
            return Errno.ESRCH;
        }
        return outcome.Done == count ? Errno.None : outcome.Error;
    }

    private ScriptEntry MapCommands(int slot) => new(
        SysNr.mmap, _layout.Commands, CommandArea.SlotBytes, HostMman.ProtRead,
        HostMman.MapShared | HostMman.MapFixed, (ulong)_area.Fd, CommandArea.OffsetOf(slot));

    private Errno Strip()
    {
        // The C library registered the forking thread's rseq area, which the child inherits and which is about to go.
        Errno error = Tracing.GetRseq(Pid, out PtraceRseqConfiguration rseq);
        if (error != Errno.None)
        {
            return error;
        }
        if (!_runner.InitializeFpState(Pid, _registers))
        {
            return Errno.ESRCH;
        }
        int count = 0;
        if (rseq.rseq_abi_pointer != 0)
        {
            Add(ref count, new ScriptEntry(
                SysNr.rseq, rseq.rseq_abi_pointer, rseq.rseq_abi_size, RseqUnregister, rseq.signature));
        }
        ulong[] filter = StubFilter.Assemble();
        ReadOnlySpan<ulong> descriptor = [(ulong)filter.Length, _layout.Commands + FilterProgramOffset];
        _area.WriteData(0, FilterOffset, descriptor);
        _area.WriteData(0, FilterProgramOffset, filter);
        Add(ref count, new ScriptEntry(SysNr.munmap, 0, _layout.Base));
        Add(ref count, new ScriptEntry(SysNr.munmap, _layout.End, StubLayout.TaskSize - _layout.End));
        Add(ref count, new ScriptEntry(SysNr.prctl, HostPrctl.SetDumpable, 1));
        Add(ref count, new ScriptEntry(SysNr.prctl, HostPrctl.SetPDeathSig, Signals.SIGKILL));
        Add(ref count, new ScriptEntry(SysNr.setsid));
        Add(ref count, new ScriptEntry(SysNr.prctl, HostPrctl.SetNoNewPrivs, 1));
        Add(ref count, new ScriptEntry(
            SysNr.seccomp, HostPrctl.SeccompSetModeFilter, 0, _layout.Commands + FilterOffset));
        return Judge(_runner.RunScript(Pid, _registers, count), count);
    }

    private void Add(ref int count, in ScriptEntry entry) => _area.Write(0, count++, entry);
}
