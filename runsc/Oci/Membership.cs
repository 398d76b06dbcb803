using System.Collections.Generic;
using Runsc.Cli;
using Sentry.Kernel;

namespace Runsc.Oci;

/// <summary>
/// Which containers belong together, by the annotations of Kubernetes' engines: the first of a pod is of type
/// "sandbox" and a sandbox like any other; those of type "container" join it.
/// </summary>
internal static class Membership
{
    private const string Member = "container";

    /// <summary>Names of the type and of the sandbox's id: containerd's CRI service, CRI-O.</summary>
    private static readonly (string Type, string Sandbox)[] s_engines =
    [
        ("io.kubernetes.cri.container-type", "io.kubernetes.cri.sandbox-id"),
        ("io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri-o.SandboxID"),
    ];

    /// <summary>True for a container that joins a sandbox.</summary>
    internal static bool IsMember(Spec spec) => SandboxOf(spec, out _);

    /// <summary>The id of the sandbox to join; null for a container that is one itself.</summary>
    internal static string? SandboxOf(Spec spec)
    {
        if (!SandboxOf(spec, out string? sandbox))
        {
            return null;
        }

        return sandbox is { Length: > 0 } ? ByteStrings.FromText(sandbox)
            : throw new UserErrorException("annotations: a container of a sandbox without the sandbox's id");
    }

    /// <summary>What the container has in common with its sandbox: the namespaces it does not ask for anew.</summary>
    internal static SharedNamespaces Shared(LinuxSpec? linux)
    {
        SharedNamespaces result = SharedNamespaces.Pid | SharedNamespaces.Ipc | SharedNamespaces.Uts;
        foreach (NamespaceSpec item in linux?.Namespaces ?? [])
        {
            result &= item.Path is { Length: > 0 } ? result : item.Type switch
            {
                "pid" => ~SharedNamespaces.Pid,
                "ipc" => ~SharedNamespaces.Ipc,
                "uts" => ~SharedNamespaces.Uts,
                _ => result,
            };
        }

        return result;
    }

    private static bool SandboxOf(Spec spec, out string? sandbox)
    {
        sandbox = null;
        Dictionary<string, string> annotations = spec.Annotations ?? [];
        foreach ((string type, string name) in s_engines)
        {
            if (annotations.GetValueOrDefault(type) == Member)
            {
                sandbox = annotations.GetValueOrDefault(name);
                return true;
            }
        }

        return false;
    }
}
