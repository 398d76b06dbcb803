namespace Runsc.Sandbox;

/// <summary>A host path that the gofer serves.</summary>
/// <param name="HostPath">Absolute path on the host, symbolic links resolved.</param>
/// <param name="Access">May the sandbox change it?</param>
internal readonly record struct AttachPoint(string HostPath, AttachAccess Access);

/// <summary>What the sandbox may do with an attach point.</summary>
internal enum AttachAccess
{
    ReadOnly,
    ReadWrite,
}
