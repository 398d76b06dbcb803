namespace Runsc.Sandbox;

/// <summary>A host path that the gofer serves.</summary>
/// <param name="HostPath">Absolute path on the host, symbolic links resolved.</param>
/// <param name="Access">May the sandbox change it?</param>
/// <param name="Scope">Are mounts below the path served too?</param>
internal readonly record struct AttachPoint(string HostPath, AttachAccess Access, AttachScope Scope);

/// <summary>What the sandbox may do with an attach point.</summary>
internal enum AttachAccess
{
    ReadOnly,
    ReadWrite,
}

/// <summary>Which mounts of the host an attach point shows (bind, rbind).</summary>
internal enum AttachScope
{
    SingleMount,
    Tree,
}
