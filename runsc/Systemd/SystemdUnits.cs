using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Runsc.Containers;
using Runsc.Oci;

namespace Runsc.Systemd;

/// <summary>Units of containers: transient scopes (org.freedesktop.systemd1(5), "StartTransientUnit"; the properties
/// are those of systemd.scope(5), systemd.kill(5) and systemd.resource-control(5)).</summary>
internal static class SystemdUnits
{
    private const string Mode = "replace";
    private const string Exists = "org.freedesktop.systemd1.UnitExists";
    private const ulong UsPerSecond = 1_000_000;
    private const ulong Infinity = ulong.MaxValue;

    /// <summary>A user error where systemd is not this host's (sd_booted(3)).</summary>
    internal static void CheckThatItRuns()
    {
        const string Mark = "/run/systemd/system";
        if (HostUnistd.FaccessAt2(HostFcntl.AtFdCwd, Mark, 0, 0) != Errno.None)
        {
            throw new UserErrorException("--systemd-cgroup: systemd does not run here (there is no " + Mark + ")");
        }
    }

    /// <summary>Makes the unit, with one process in it, and waits until that has happened.</summary>
    internal static void Start(SystemdBus bus, SystemdName name, int pid, int cgroupVersion, ResourcesSpec? resources)
    {
        BusWriter body = new();
        body.String(name.Unit);
        body.String(Mode);
        (int Length, int First) properties = body.BeginStructs();
        Describe(body, name, pid);
        WriteLimits(body, cgroupVersion, resources);
        body.EndArray(properties);
        // No units beside it.
        body.EndArray(body.BeginStructs());
        Ask(() => bus.Call("Subscribe", "", new BusWriter()));
        string job = Ask(() => StartOnce(bus, name.Unit, body)).Strings(0, 1)[0];
        string[] ended = ["", "", ""];
        while (ended[0] != job)
        {
            BusMessage signal = bus.NextSignal();
            ended = signal is { Member: "JobRemoved", Signature: "uoss" } ? signal.Strings(1, 3) : ended;
        }

        if (ended[2] != "done")
        {
            throw new UserErrorException("systemd: " + name.Unit + ": the job ended as " + ended[2]);
        }
    }

    /// <summary>New limits of a unit.</summary>
    internal static void Update(SystemdBus bus, string unit, int cgroupVersion, ResourcesSpec? resources)
    {
        BusWriter body = new();
        body.String(unit);
        body.Boolean(true);
        (int Length, int First) properties = body.BeginStructs();
        WriteLimits(body, cgroupVersion, resources);
        body.EndArray(properties);
        Ask(() => bus.Call("SetUnitProperties", "sba(sv)", body));
    }

    /// <summary>Stops a unit; one that is gone already, with its last process, is as good.</summary>
    internal static void Stop(SystemdBus bus, string unit)
    {
        foreach (string member in (string[])["StopUnit", "ResetFailedUnit"])
        {
            BusWriter body = new();
            body.String(unit);
            bool isStop = member == "StopUnit";
            if (isStop)
            {
                body.String(Mode);
            }

            try
            {
                bus.Call(member, isStop ? "ss" : "s", body);
            }
            catch (SystemdException)
            {
                // It is not there.
            }
        }
    }

    /// <summary>The limits as properties: those of the files that <see cref="Cgroups"/> writes, with their
    /// values.</summary>
    internal static List<(string Name, ulong Value)> Limits(int cgroupVersion, ResourcesSpec? resources)
    {
        List<(string, ulong)> result = [];
        if (resources?.Memory?.Limit is { } memory && memory != 0)
        {
            result.Add((cgroupVersion == 2 ? "MemoryMax" : "MemoryLimit", Number(Cgroups.HostLimitBytes(memory))));
        }

        if (resources?.Memory?.Reservation is { } soft && soft != 0 && cgroupVersion == 2)
        {
            result.Add(("MemoryLow", Number(soft)));
        }

        if (resources?.Pids?.Limit is { } pids && pids != 0)
        {
            result.Add(("TasksMax", Number(Cgroups.HostTasks(pids))));
        }

        if (resources?.Cpu?.Shares is { } shares && shares != 0)
        {
            result.Add(cgroupVersion == 2 ? ("CPUWeight", (ulong)Cgroups.WeightOf(shares))
                : ("CPUShares", (ulong)shares));
        }

        if (resources?.Cpu?.Quota is { } quota && quota != 0)
        {
            const ulong DefaultPeriodUs = 100_000;
            ulong period = resources.Cpu.Period is > 0 and { } given ? (ulong)given : DefaultPeriodUs;
            result.Add(("CPUQuotaPerSecUSec", quota < 0 ? Infinity
                : (ulong)((UInt128)(ulong)quota * UsPerSecond / period)));
        }

        return result;
    }

    private static BusMessage StartOnce(SystemdBus bus, string unit, BusWriter body)
    {
        const string Types = "ssa(sv)a(sa(sv))";
        try
        {
            return bus.Call("StartTransientUnit", Types, body);
        }
        catch (SystemdException e) when (e.Name == Exists)
        {
            // One of the same name that has failed stays until somebody says otherwise.
            BusWriter name = new();
            name.String(unit);
            bus.Call("ResetFailedUnit", "s", name);
            return bus.Call("StartTransientUnit", Types, body);
        }
    }

    private static void Describe(BusWriter body, SystemdName name, int pid)
    {
        body.Property("Description", "runsc container " + name.Unit);
        if (name.IsSlice)
        {
            body.BeginProperty("Wants", "as");
            (int Length, int First) wanted = body.BeginArray(sizeof(uint));
            body.String(name.Slice);
            body.EndArray(wanted);
        }
        else
        {
            body.Property("Slice", name.Slice);
            body.BeginProperty("PIDs", "au");
            (int Length, int First) pids = body.BeginArray(sizeof(uint));
            body.UInt32((uint)pid);
            body.EndArray(pids);
            body.Flag("Delegate");
        }

        foreach (string account in (string[])["MemoryAccounting", "CPUAccounting", "TasksAccounting"])
        {
            body.Flag(account);
        }

        body.BeginProperty("DefaultDependencies", "b");
        body.Boolean(false);
    }

    private static void WriteLimits(BusWriter body, int cgroupVersion, ResourcesSpec? resources)
    {
        foreach ((string name, ulong value) in Limits(cgroupVersion, resources))
        {
            body.Property(name, value);
        }
    }

    private static ulong Number(long value) => value < 0 ? Infinity : (ulong)value;

    private static T Ask<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (SystemdException e)
        {
            throw new UserErrorException(e.Message);
        }
    }
}
