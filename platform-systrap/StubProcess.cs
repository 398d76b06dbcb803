using System.Diagnostics;
using Abi.Linux;
using HostOs;
using Platform.Stubs;
using Stub;

namespace Platform.Systrap;

/// <summary>
/// A stub process and the command slot by which its leader is told what to do. Callers take turns by a lock of their
/// own.
/// </summary>
internal sealed class StubProcess : IScriptRunner
{
    /// <summary>How often a sleeper looks whether the process is still there.</summary>
    private const long CheckNs = 50_000_000;

    private const ulong ThreadFlags = HostSched.CloneVm | HostSched.CloneFiles | HostSched.CloneFs |
        HostSched.CloneSigHand | HostSched.CloneThread | HostSched.CloneSysVSem | CloneParentSetTid;

    /// <summary>The kernel writes the child's id where the third argument says (clone(2)).</summary>
    private const ulong CloneParentSetTid = 0x100000;

    private readonly CommandMemory _commands;
    private uint _sequence = 1;

    /// <summary>A thread made in advance, in the first context slot.</summary>
    private StubThread? _firstThread;

    public StubProcess(int pid, int slot, CommandMemory commands)
    {
        Pid = pid;
        Slot = slot;
        _commands = commands;
    }

    /// <summary>Process id.</summary>
    public int Pid { get; }

    /// <summary>The command slot.</summary>
    public int Slot { get; }

    public int MaxEntries => CommandSlot.MaxEntries;

    /// <summary>
    /// Makes the first thread before anybody asks for one. On failure the process must be ended, and then slot
    /// <paramref name="slot"/> be given back.
    /// </summary>
    public Errno MakeFirstThread(SlotArea contexts, StubRegion region, Patching patching, out int slot)
    {
        Errno error = contexts.Take(out slot);
        return error == Errno.None ? MakeThread(contexts, region, patching, 0, slot, out _firstThread) : Errno.None;
    }

    /// <summary>The thread made in advance, once; null when there is none.</summary>
    public StubThread? TakeFirstThread()
    {
        StubThread? thread = _firstThread;
        _firstThread = null;
        return thread;
    }

    /// <summary>
    /// Maps a context slot at its place <paramref name="index"/> and starts a thread in it, which waits for its first
    /// turn. ESRCH: the process is gone, or must be ended.
    /// </summary>
    public Errno MakeThread(
        SlotArea contexts, StubRegion region, Patching patching, int index, int slot, out StubThread? thread)
    {
        const ulong Flags = HostMman.MapShared | HostMman.MapFixed;
        const ulong Access = HostMman.ProtRead | HostMman.ProtWrite;
        thread = null;
        ulong address = region.ContextAt(index);
        var memory = new ContextMemory(contexts.AddressOf(slot), address, patching);
        memory.Initialize();
        Write(0, new ScriptEntry(
            SysNr.mmap, address, SystrapLayout.ContextBytes, Access, Flags, (ulong)contexts.Fd,
            (ulong)contexts.OffsetOf(slot)));
        var clone = new ScriptEntry(SysNr.clone, ThreadFlags, 0, address + ContextSlot.ThreadId, 0, 0, address);
        Write(1, clone.With(ScriptFlags.ChildParks));
        ScriptOutcome outcome = Run(2);
        if (outcome.Dead)
        {
            return Errno.ESRCH;
        }
        if (outcome.Error != Errno.None)
        {
            return outcome.Error;
        }

        // Another thread of the guest may have written there since: an id of a thread elsewhere must not pass.
        int tid = memory.ThreadId;
        if (HostSignal.Tgkill(Pid, tid, 0) != Errno.None)
        {
            return Errno.ESRCH;
        }
        thread = new StubThread(Pid, tid, slot, memory);
        return Errno.None;
    }

    /// <summary>Writes what a new leader finds in its slot: an empty script, to be acknowledged.</summary>
    public static void Prepare(in CommandMemory commands, SlotArea area, int slot)
    {
        commands.SetQuad(CommandSlot.AckFd, (ulong)area.Fd);
        commands.SetQuad(CommandSlot.AckFileOffset, (ulong)area.OffsetOf(slot) + CommandSlot.Ack);
        commands.SetQuad(CommandSlot.SpinCycles, Waiting.LeaderCycles);
        commands.SetWord(CommandSlot.Count, 0);
        commands.SetWord(CommandSlot.Ack, 0);
        commands.SetWord(CommandSlot.FailedErrno, 0);
        commands.SetWord(CommandSlot.Sequence, 1);
    }

    public void Write(int index, in ScriptEntry entry) => _commands.WriteEntry(CommandSlot.Entries, index, entry);

    public ScriptOutcome Run(int count)
    {
        bool contended = Waiting.IsContended(Stopwatch.GetTimestamp());
        _commands.SetQuad(CommandSlot.SpinCycles, contended ? 0 : Waiting.LeaderCycles);
        _commands.SetWord(CommandSlot.FailedErrno, 0);
        _commands.SetWord(CommandSlot.Count, (uint)count);
        _commands.Exchange(CommandSlot.Sequence, ++_sequence);
        _commands.Ring();
        return AwaitAck() ? Outcome(count) : new ScriptOutcome { Dead = true };
    }

    /// <summary>Waits for the answer to the script under way; false when the process is gone.</summary>
    public bool AwaitAck()
    {
        long start = Stopwatch.GetTimestamp();
        do
        {
            if (_commands.Ack == _sequence)
            {
                return true;
            }
        }
        while (Waiting.LookOut(start, Neighbour.OtherCpu));
        _commands.Exchange(CommandSlot.WantsWake, 1);
        bool alive = true;
        while (alive && _commands.Ack != _sequence)
        {
            Errno error = HostFutex.WaitShared(_commands.AckAddress, _sequence - 1, CheckNs);
            alive = error != Errno.ETIMEDOUT || !HasEnded(Pid);
        }
        _commands.SetWord(CommandSlot.WantsWake, 0);
        return _commands.Ack == _sequence;
    }

    /// <summary>What became of the last script.</summary>
    public ScriptOutcome Outcome(int count)
    {
        var error = (Errno)_commands.Word(CommandSlot.FailedErrno);
        int done = error == Errno.None ? count : (int)uint.Min(_commands.Word(CommandSlot.FailedIndex),
            (uint)count - 1);
        return new ScriptOutcome { Done = done, Error = error };
    }

    /// <summary>Whether a process is no more, waited for or not.</summary>
    public static bool HasEnded(int pid)
    {
        int options = HostWait.Exited | HostWait.NoHang | HostWait.NoWait | HostWait.All;
        Errno error = HostWait.WaitId(HostWait.IdPid, pid, options, out int found, out _, out _);
        return error != Errno.None || found != 0;
    }

    /// <summary>Waits for the end of a killed process.</summary>
    public static void Reap(int pid)
    {
        while (HostWait.Wait4(pid, HostWait.All, out _, out _) == Errno.EINTR)
        {
        }
    }
}
