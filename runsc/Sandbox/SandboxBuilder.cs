using System;
using System.Collections.Generic;
using System.IO;
using Runsc.Oci;
using static Abi.Linux.MountFlags;

namespace Runsc.Sandbox;

/// <summary>Collects what a sandbox needs: its specification and the host paths the gofer serves. Attach point 0 is
/// the root.</summary>
internal sealed class SandboxBuilder
{
    /// <summary>Specification under construction.</summary>
    internal SandboxSpec Spec { get; } = new();

    /// <summary>Host paths, in the order of their indexes.</summary>
    internal List<AttachPoint> AttachPoints { get; } = [];

    /// <summary>Resolves a host path; <paramref name="flag"/> names where the user gave it.</summary>
    internal static string ResolveHostPath(string flag, string path, PathKind kind)
    {
        string full = Path.GetFullPath(path);
        try
        {
            if (Directory.ResolveLinkTarget(full, returnFinalTarget: true) is { } target)
            {
                full = target.FullName;
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserErrorException(flag + ": " + path + ": no such file or directory");
        }
        catch (IOException)
        {
            throw new UserErrorException(flag + ": " + path + ": too many levels of symbolic links");
        }

        bool exists = kind == PathKind.Directory ? Directory.Exists(full) : Path.Exists(full);
        if (!exists)
        {
            string what = kind == PathKind.Directory && Path.Exists(full) ? "not a directory"
                : "no such file or directory";
            throw new UserErrorException(flag + ": " + path + ": " + what);
        }

        return full;
    }

    /// <summary>Serves the root file system, always read-only: writes go to the overlay's upper layer.</summary>
    internal void SetRoot(string hostPath) => AttachPoints.Add(new AttachPoint(hostPath, AttachAccess.ReadOnly));

    /// <summary>Adds a bind mount of a host path.</summary>
    internal void AddBind(string hostPath, string destination, ulong flags, ulong propagation)
    {
        AttachAccess access = (flags & MS_RDONLY) != 0 ? AttachAccess.ReadOnly : AttachAccess.ReadWrite;
        Spec.Mounts.Add(new SandboxMount
        {
            Type = "bind",
            Destination = destination,
            AttachPoint = AttachPoints.Count,
            Source = hostPath,
            Flags = flags & ~(ulong)(MS_BIND | MS_REC),
            Propagation = propagation,
        });
        AttachPoints.Add(new AttachPoint(hostPath, access));
    }

    /// <summary>Adds a mount of one of the Sentry's file systems.</summary>
    internal void AddMount(string type, string destination, ulong flags, string data) =>
        Spec.Mounts.Add(new SandboxMount { Type = type, Destination = destination, Source = type, Flags = flags,
            Data = data });
}

/// <summary>What a host path must be.</summary>
internal enum PathKind
{
    Any,
    Directory,
}
