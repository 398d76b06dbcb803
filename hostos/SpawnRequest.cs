using System;
using System.Collections.Generic;
using Stub;

namespace HostOs;

/// <summary>A range of user or group ids as /proc/PID/uid_map takes it (user_namespaces(7)).</summary>
public readonly record struct IdMap(uint Inside, uint Outside, uint Count);

/// <summary>A descriptor of the parent and the number it gets in the child.</summary>
public readonly record struct FdMap(int Source, int Target);

/// <summary>What <see cref="Spawn"/> starts and how. Strings are byte strings.</summary>
public sealed class SpawnRequest
{
    public SpawnRequest(string program)
    {
        Program = program;
    }

    /// <summary>
    /// Path of the program, for example <c>/proc/self/exe</c>; with <see cref="ProgramFd"/> only its name in
    /// messages.
    /// </summary>
    public string Program { get; }

    /// <summary>Open program file to execute instead of a path; -1 for none.</summary>
    public int ProgramFd { get; init; } = -1;

    /// <summary>argv, the name included.</summary>
    public List<string> Arguments { get; } = [];

    /// <summary>envp, <c>NAME=value</c>.</summary>
    public List<string> Environment { get; } = [];

    /// <summary>CLONE_NEWUSER, CLONE_NEWPID... (clone(2)).</summary>
    public ulong NamespaceFlags { get; init; }

    /// <summary>
    /// Maps to write when <see cref="NamespaceFlags"/> holds CLONE_NEWUSER; the child goes on only when they are in
    /// place.
    /// </summary>
    public List<IdMap> UidMap { get; } = [];

    /// <summary>As <see cref="UidMap"/>, for groups.</summary>
    public List<IdMap> GidMap { get; } = [];

    /// <summary>Write "deny" to /proc/PID/setgroups before the group map, as an unprivileged caller must.</summary>
    public SetGroups SetGroups { get; init; } = SetGroups.Allow;

    /// <summary>The child has these descriptors and no others; 0, 1 and 2 too only if listed.</summary>
    public List<FdMap> Descriptors { get; } = [];

    /// <summary>Signals that are blocked in the program from its first instruction: bit n-1 for signal n.</summary>
    public ulong BlockedSignals { get; set; }

    /// <summary>
    /// Called with the child's id once there is one: with <see cref="UidMap"/> before it goes on, else at some moment
    /// of its start. What it throws ends the child and goes to the caller of <see cref="Spawn.Run"/>.
    /// </summary>
    public Action<int>? Cloned { get; set; }

    /// <summary>
    /// System calls the child makes after its maps are in place and before its descriptors are moved (setsid, prctl,
    /// setresuid...), each with its
    /// name for messages. Pointers in them must stay good until the child was cloned.
    /// </summary>
    public List<(string Name, ScriptEntry Call)> ExtraCalls { get; } = [];
}

/// <summary>Whether setgroups(2) works in the new user namespace.</summary>
public enum SetGroups
{
    Allow,
    Deny,
}
