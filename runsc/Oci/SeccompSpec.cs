using System.Collections.Generic;
using System.Text.Json.Serialization;

namespace Runsc.Oci;

/// <summary>config-linux.md, "Seccomp".</summary>
internal sealed class SeccompSpec
{
    public string? DefaultAction { get; set; }

    /// <summary>Errno of a default action that gives one; EPERM without it.</summary>
    public uint? DefaultErrnoRet { get; set; }

    public List<SeccompRuleSpec>? Syscalls { get; set; }
}

/// <summary>What becomes of some calls.</summary>
internal sealed class SeccompRuleSpec
{
    public List<string>? Names { get; set; }

    public string? Action { get; set; }

    public uint? ErrnoRet { get; set; }

    /// <summary>All must hold.</summary>
    public List<SeccompArgumentSpec>? Args { get; set; }
}

/// <summary>A condition on one argument.</summary>
internal sealed class SeccompArgumentSpec
{
    public uint Index { get; set; }

    public ulong Value { get; set; }

    public ulong ValueTwo { get; set; }

    /// <summary>SCMP_CMP_*.</summary>
    [JsonPropertyName("op")]
    public string? Operation { get; set; }
}
