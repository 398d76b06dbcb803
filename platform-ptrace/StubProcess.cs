namespace Platform.Ptrace;

/// <summary>
/// A stub process: its leader, its command slot, and a second thread that is parked and traced by nobody yet.
/// </summary>
internal readonly record struct StubProcess(int Pid, int Slot, int Tid);
