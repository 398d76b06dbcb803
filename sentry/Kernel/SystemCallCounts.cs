using System;
using System.Threading;
using Sentry.Syscalls;

namespace Sentry.Kernel;

/// <summary>
/// How often each system call was made and how many bytes of managed memory its tasks allocated from one call to the
/// next. A call is charged with all that happens until the task's next call: its own handler, signals, faults, the
/// switch to the guest.
/// </summary>
public sealed class SystemCallCounts
{
    /// <summary>Charged with what a task allocates before its first call.</summary>
    internal const uint NoCall = Numbers - 1;

    private const uint Numbers = 512;

    private readonly long[] _calls = new long[Numbers];
    private readonly long[] _bytes = new long[Numbers];

    /// <summary>Gives one line for each system call that was made: name, calls, bytes.</summary>
    public void Report(Action<string> line)
    {
        for (uint number = 0; number < NoCall; number++)
        {
            long calls = Volatile.Read(ref _calls[number]);
            if (calls > 0)
            {
                line(SyscallTable.NameOf(number) + " " + calls + " " + Volatile.Read(ref _bytes[number]));
            }
        }
    }

    internal void Count(uint number) => Interlocked.Increment(ref _calls[Math.Min(number, NoCall)]);

    internal void Charge(uint number, long bytes)
    {
        if (bytes > 0)
        {
            Interlocked.Add(ref _bytes[Math.Min(number, NoCall)], bytes);
        }
    }
}
