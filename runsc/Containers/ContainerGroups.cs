using Runsc.Oci;
using Runsc.Systemd;

namespace Runsc.Containers;

/// <summary>The control groups of a container that is being made, from before the first process in them. Those that
/// systemd has are made with that process.</summary>
internal sealed class ContainerGroups(ContainerState state, ResourcesSpec? resources)
{
    private bool _isMade;

    /// <summary>Makes them, unless systemd will.</summary>
    internal void Make()
    {
        if (state.Unit is null)
        {
            Cgroups.Make(state.Cgroups, resources);
        }
    }

    /// <summary>Puts a process into all of them.</summary>
    internal void Join(int pid)
    {
        if (state.Unit is { } unit && !_isMade)
        {
            using SystemdBus bus = SystemdBus.Connect();
            SystemdUnits.Start(bus, unit, pid, Version(), resources);
            _isMade = true;
            // What of it systemd has not made, and the files of its limits.
            Cgroups.Make(state.Cgroups, resources);
        }

        Cgroups.Join(state.Cgroups, resources, pid);
    }

    /// <summary>New limits of a container that runs.</summary>
    internal void Update()
    {
        if (state.Unit is { } unit)
        {
            using SystemdBus bus = SystemdBus.Connect();
            SystemdUnits.Update(bus, unit.Unit, Version(), resources);
        }

        Cgroups.Apply(state.Cgroups, resources);
    }

    /// <summary>Removes those of a container whose processes have ended.</summary>
    internal static void Remove(ContainerState state)
    {
        if (state.Unit is { } unit)
        {
            Stop(unit);
        }

        Cgroups.Remove(state.Cgroups);
    }

    private static void Stop(SystemdName unit)
    {
        try
        {
            using SystemdBus bus = SystemdBus.Connect();
            SystemdUnits.Stop(bus, unit.Unit);
        }
        catch (UserErrorException)
        {
            // Without systemd there is no unit.
        }
    }

    private static int Version() => CgroupHierarchy.Find() is [var first, ..] ? first.Version : 2;
}
