using System;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using Stub;

namespace Runsc.Sandbox;

/// <summary>Who the caller is, and what its children have in common.</summary>
internal static class HostIds
{
    /// <summary>The overflow user, whom files of nobody belong to; the Sentry of a privileged caller runs as
    /// it.</summary>
    internal const uint Nobody = 65534;

    /// <summary>
    /// Bytes that objects take before the garbage collector looks at them, at first and at most, in hexadecimal. Its
    /// own choice is a good part of the host's last-level cache, which a small process would fill before anything is
    /// collected, and up to 200 MiB where much survives, which no memory limit of a guest would bound. The caller's own
    /// setting goes first: tests make the collector run all the time.
    /// </summary>
    internal static readonly string[] Nursery =
    [
        NurseryVariable + "=" + (Environment.GetEnvironmentVariable(NurseryVariable) ?? "400000"),
        "DOTNET_GCgen0MaxBudget=800000",
    ];

    private const string NurseryVariable = "DOTNET_GCgen0size";

    internal static bool IsRoot => HostUnistd.GetUid() == 0;

    /// <summary>The call that makes a child end with its parent.</summary>
    internal static (string Name, ScriptEntry Call) DieWithParent() =>
        ("prctl(PR_SET_PDEATHSIG)", new ScriptEntry(SysNr.prctl, HostPrctl.SetPDeathSig, Signals.SIGKILL));

    /// <summary>The call that keeps a child out of the caller's job: keys of the terminal signal the launcher alone,
    /// and
    /// reading and writing the terminal is not stopped.</summary>
    internal static (string Name, ScriptEntry Call) OwnSession() => ("setsid", new ScriptEntry(SysNr.setsid));

    /// <summary>Starts a process or throws the one line that says why not.</summary>
    internal static SpawnedProcess Start(SpawnRequest request)
    {
        using StartingProcess starting = Begin(request);
        return Finish(starting);
    }

    /// <summary>As <see cref="Start"/>, but does not wait until the child is the program.</summary>
    internal static StartingProcess Begin(SpawnRequest request)
    {
        Errno errno = Spawn.Begin(request, out StartingProcess? starting, out string problem);
        return errno == Errno.None ? starting! : throw Refusal(errno, problem);
    }

    /// <summary>Waits until the child is the program.</summary>
    internal static SpawnedProcess Finish(StartingProcess starting)
    {
        Errno errno = starting.Finish(out SpawnedProcess process, out string problem);
        return errno == Errno.None ? process : throw Refusal(errno, problem);
    }

    private static UserErrorException Refusal(Errno errno, string problem)
    {
        string hint = errno is Errno.EPERM or Errno.ENOSPC or Errno.EUSERS
            ? " (namespaces are not permitted: run as root, or allow unprivileged user namespaces)"
            : "";
        return new UserErrorException(problem + hint);
    }
}
