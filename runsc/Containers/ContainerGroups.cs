using Runsc.Oci;
using Runsc.Systemd;

namespace Runsc.Containers;

/// <summary>The control groups of a container that is being made, from before the first process in them. Those that
/// systemd has are made with that process.</summary>
internal sealed class ContainerGroups
{
    private readonly ContainerState _state;
    private readonly ResourcesSpec? _resources;
    private bool _isMade;

    internal ContainerGroups(ContainerState state, ResourcesSpec? resources)
    {
        _state = state;
        _resources = state.Sandbox is null ? resources : WithoutGuest(resources);
    }

    /// <summary>Makes them, unless systemd will.</summary>
    internal void Make()
    {
        if (_state.Unit is null)
        {
            Cgroups.Make(_state.Cgroups, _resources);
        }
    }

    /// <summary>Puts a process into all of them.</summary>
    internal void Join(int pid)
    {
        if (_state.Unit is { } unit && !_isMade)
        {
            using SystemdBus bus = SystemdBus.Connect();
            SystemdUnits.Start(bus, unit, pid, Version(), _resources);
            _isMade = true;
            // What of it systemd has not made, and the files of its limits.
            Cgroups.Make(_state.Cgroups, _resources);
        }

        Cgroups.Join(_state.Cgroups, _resources, pid);
    }

    /// <summary>New limits of a container that runs.</summary>
    internal void Update()
    {
        if (_state.Unit is { } unit)
        {
            using SystemdBus bus = SystemdBus.Connect();
            SystemdUnits.Update(bus, unit.Unit, Version(), _resources);
        }

        Cgroups.Apply(_state.Cgroups, _resources);
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

    /// <summary>Of a container that joined a sandbox the groups hold none of its memory, which is the Sentry's: what
    /// they need is that of its helpers.</summary>
    private static ResourcesSpec? WithoutGuest(ResourcesSpec? resources)
    {
        const long LeastBytes = 1;
        if (resources?.Memory is not { } memory)
        {
            return resources;
        }

        return new ResourcesSpec
        {
            Cpu = resources.Cpu,
            Pids = resources.Pids,
            Memory = new MemorySpec { Limit = memory.Limit is > 0 ? LeastBytes : memory.Limit },
        };
    }

    private static int Version() => CgroupHierarchy.Find() is [var first, ..] ? first.Version : 2;
}
