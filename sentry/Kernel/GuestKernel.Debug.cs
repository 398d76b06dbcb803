using System.Collections.Generic;
using System.Globalization;
using Platform;
using Sentry.Sync;
using Sentry.Syscalls;

namespace Sentry.Kernel;

/// <summary>What a person who looks for a fault asks of the running kernel.</summary>
public sealed partial class GuestKernel
{
    /// <summary>Adds strace lines to what is done at every system call, of the tasks there are and of those to
    /// come.</summary>
    public void StartTracing()
    {
        Instrumentation |= DispatchFlags.Trace;
        List<Task> tasks = [];
        CollectTasks(tasks);
        tasks.ForEach(static task => task.AddDispatchFlags(DispatchFlags.Trace));
    }

    /// <summary>Undoes <see cref="StartTracing"/>.</summary>
    public void StopTracing()
    {
        Instrumentation &= ~DispatchFlags.Trace;
        List<Task> tasks = [];
        CollectTasks(tasks);
        tasks.ForEach(static task => task.RemoveDispatchFlags(DispatchFlags.Trace));
    }

    /// <summary>One line for each task: who it is, and where its program is.</summary>
    public List<string> DescribeTasks()
    {
        List<Task> tasks = [];
        CollectTasks(tasks);
        List<string> lines = [];
        foreach (Task task in tasks)
        {
            lines.Add("pid " + Text(task.ThreadGroup.Identity.Number) + " tid " + Text(task.Identity.Number) + " "
                + task.Name + ": " + task.DescribePlace());
        }

        return lines;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

public sealed partial class Task
{
    private static readonly OrderedLock<LeafLevel> s_looks = new();

    // Guarded by s_looks: the context is there and stays.
    private bool _mayLook;

    /// <summary>Guest code, or the system call it is in, with the registers that say where. The task goes on
    /// meanwhile: what is read is a look, no snapshot.</summary>
    internal string DescribePlace()
    {
        GuestRegisters registers;
        using (s_looks.Enter())
        {
            if (!_mayLook)
            {
                return "not running yet, or no more";
            }

            registers = _context!.Registers;
        }

        string place = IsInGuest ? "in its program"
            : registers.OrigRax == ulong.MaxValue ? "in the kernel"
            : "in " + SyscallTable.Lookup((uint)registers.OrigRax).Name + "(" + Hex(registers.Rdi) + ", "
                + Hex(registers.Rsi) + ", " + Hex(registers.Rdx) + ")";
        return State.ToString().ToLowerInvariant() + ", " + place + ", rip " + Hex(registers.Rip) + " rsp "
            + Hex(registers.Rsp);
    }

    private void AllowLooks()
    {
        using (s_looks.Enter())
        {
            _mayLook = true;
        }
    }

    /// <summary>The context is about to go.</summary>
    private void EndLooks()
    {
        using (s_looks.Enter())
        {
            _mayLook = false;
        }
    }

    private static string Hex(ulong value) => "0x" + value.ToString("x", CultureInfo.InvariantCulture);
}
