using Abi.Linux;
using HostOs;
using Platform.Stubs;
using Stub;

namespace Platform.Systrap;

/// <summary>
/// The process all stub processes are forked from. Belongs to the workshop thread: its end would end them all.
/// </summary>
internal sealed class MasterStub
{
    private const ulong ForkFlags = HostSched.CloneFiles | HostSched.CloneFs | HostSched.CloneParent |
        CloneParentSetTid | Signals.SIGCHLD;

    /// <summary>The kernel writes the child's id where the third argument says (clone(2)).</summary>
    private const ulong CloneParentSetTid = 0x100000;

    /// <summary>Data of the first script in the master's slot, behind the entries of a new process.</summary>
    private const int DataOffset = CommandSlot.ChildEntries + 1024;
    private const int MasterSlot = 0;

    private readonly SlotArea _commands;
    private readonly StubRegion _region;
    private StubProcess? _process;

    public MasterStub(SlotArea commands, StubRegion region)
    {
        _commands = commands;
        _region = region;
    }

    /// <summary>Whether processes can be made.</summary>
    public bool IsReady { get; private set; }

    private CommandMemory Slot => new(_commands.AddressOf(MasterSlot));

    /// <summary>
    /// Forks the Sentry into the stub's code and strips the child of everything else. <paramref name="step"/> names
    /// what failed.
    /// </summary>
    public Errno Start(out string step)
    {
        step = "taking the master's slot";
        Errno error = _commands.Take(out int slot);
        if (error != Errno.None || slot != MasterSlot)
        {
            return error == Errno.None ? Errno.EBUSY : error;
        }
        step = "forking the master stub";
        CommandMemory memory = Slot;
        StubProcess.Prepare(in memory, _commands, MasterSlot);
        nint entry = (nint)_region.Base + _region.Page.FirstStageOffset;
        error = Spawn.Fork(HostSched.CloneVm | HostSched.CloneFiles, entry, out int first);
        if (error != Errno.None)
        {
            return error;
        }
        StubProcess.Reap(first);
        int pid = (int)memory.Word(CommandSlot.ChildPid);
        if (pid == 0)
        {
            return Errno.EAGAIN;
        }
        _process = new StubProcess(pid, MasterSlot, memory);
        step = "emptying the master stub";
        error = _process.AwaitAck() ? Strip(_process) : Errno.ESRCH;
        if (error != Errno.None)
        {
            Kill();
        }
        IsReady = error == Errno.None;
        return error;
    }

    /// <summary>Makes a stub process with a command slot of its own.</summary>
    public Errno NewProcess(out StubProcess? process)
    {
        const int Count = 2;
        process = null;
        Errno error = _commands.Take(out int slot);
        if (error != Errno.None)
        {
            return error;
        }
        CommandMemory memory = Slot;
        var commands = new CommandMemory(_commands.AddressOf(slot));
        StubProcess.Prepare(in commands, _commands, slot);
        memory.WriteEntry(
            CommandSlot.ChildEntries, 0, new ScriptEntry(SysNr.prctl, HostPrctl.SetPDeathSig, Signals.SIGKILL));

        // The last entry replaces the memory the script is read from; nothing is read after it.
        memory.WriteEntry(CommandSlot.ChildEntries, 1, new ScriptEntry(
            SysNr.mmap, _region.Commands, SystrapLayout.CommandBytes, HostMman.ProtRead,
            HostMman.MapShared | HostMman.MapFixed, (ulong)_commands.Fd, (ulong)_commands.OffsetOf(slot)));
        memory.SetWord(CommandSlot.ChildCount, Count);
        var clone = new ScriptEntry(SysNr.clone, ForkFlags, 0, _region.Commands + CommandSlot.ChildPid);
        _process!.Write(0, clone.With(ScriptFlags.ChildParks));
        error = Judge(_process.Run(1), 1);
        if (error == Errno.None)
        {
            process = new StubProcess((int)memory.Word(CommandSlot.ChildPid), slot, commands);
            error = process.AwaitAck() ? Errno.None : Errno.ESRCH;
        }
        if (error == Errno.None)
        {
            return Errno.None;
        }
        if (process is not null)
        {
            HostSignal.Kill(process.Pid, Signals.SIGKILL);
            StubProcess.Reap(process.Pid);
            process = null;
        }
        _commands.Return(slot);
        return error;
    }

    /// <summary>Ends the master.</summary>
    public void Kill()
    {
        if (_process is not null)
        {
            HostSignal.Kill(_process.Pid, Signals.SIGKILL);
            StubProcess.Reap(_process.Pid);
            _process = null;
        }
    }

    private static Errno Judge(ScriptOutcome outcome, int count)
    {
        if (outcome.Dead)
        {
            return Errno.ESRCH;
        }
        return outcome.Done == count ? Errno.None : outcome.Error;
    }

    private Errno Strip(StubProcess process)
    {
        int count = 0;
        ulong end = _region.Commands + SystrapLayout.CommandBytes;
        process.Write(count++, new ScriptEntry(SysNr.munmap, 0, _region.Base));
        process.Write(count++, new ScriptEntry(SysNr.munmap, end, StubRegion.TaskSize - end));
        process.Write(count++, new ScriptEntry(SysNr.prctl, HostPrctl.SetDumpable, 1));
        process.Write(count++, new ScriptEntry(SysNr.prctl, HostPrctl.SetPDeathSig, Signals.SIGKILL));
        process.Write(count++, new ScriptEntry(SysNr.setsid));
        WriteSigaction();
        int[] signals =
        [
            Signals.SIGSYS, Signals.SIGSEGV, Signals.SIGBUS, Signals.SIGFPE, Signals.SIGILL, Signals.SIGTRAP,
            StubThread.InterruptSignal,
        ];
        foreach (int signal in signals)
        {
            process.Write(count++, new ScriptEntry(
                SysNr.rt_sigaction, (ulong)signal, _region.Commands + DataOffset, 0, HostSignal.SetBytes));
        }
        process.Write(count++, new ScriptEntry(SysNr.prctl, HostPrctl.SetNoNewPrivs, 1));
        process.Write(count++, new ScriptEntry(
            SysNr.seccomp, HostPrctl.SeccompSetModeFilter, 0, _region.ProcessFilter));
        return Judge(process.Run(count), count);
    }

    /// <summary>The kernel's struct sigaction: handler, flags, restorer, mask.</summary>
    private void WriteSigaction()
    {
        CommandMemory memory = Slot;
        memory.SetQuad(DataOffset, _region.Base + (ulong)_region.Page.HandlerOffset);
        memory.SetQuad(DataOffset + 8, HostSignal.FlagSigInfo | HostSignal.FlagOnStack | HostSignal.FlagRestorer);
        memory.SetQuad(DataOffset + 16, _region.Base + (ulong)_region.Page.RestorerOffset);
        memory.SetQuad(DataOffset + 24, ulong.MaxValue);
    }
}
