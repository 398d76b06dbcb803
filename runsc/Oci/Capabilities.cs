using System;
using System.Collections.Generic;
using Runsc.Cli;

namespace Runsc.Oci;

/// <summary>Capability names of capabilities(7) and their numbers (include/uapi/linux/capability.h).</summary>
internal static class Capabilities
{
    private static readonly string[] s_names =
    [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ];

    /// <summary>All capabilities of this kernel as a mask.</summary>
    internal static ulong All => (1UL << s_names.Length) - 1;

    /// <summary>All names (CAP_...), in the order of their numbers.</summary>
    internal static string[] Names() => Array.ConvertAll(s_names, static name => "CAP_" + name);

    /// <summary>Names (CAP_...) to a mask; null is the empty set.</summary>
    internal static ulong ToMask(List<string>? names)
    {
        ulong mask = 0;
        foreach (string name in names ?? [])
        {
            mask |= 1UL << Number(name);
        }

        return mask;
    }

    /// <summary>Rejects names that do not exist.</summary>
    internal static void Check(string file, CapabilitiesSpec? sets)
    {
        if (sets is null)
        {
            return;
        }

        CheckSet(file, "bounding", sets.Bounding);
        CheckSet(file, "effective", sets.Effective);
        CheckSet(file, "inheritable", sets.Inheritable);
        CheckSet(file, "permitted", sets.Permitted);
        CheckSet(file, "ambient", sets.Ambient);
        CheckWithin(file, "effective", sets.Effective, "permitted", sets.Permitted);
        CheckWithin(file, "inheritable", sets.Inheritable, "bounding", sets.Bounding);
    }

    /// <summary>What capset(2) would refuse. An ambient capability that is not permitted and inheritable is passed
    /// over, as
    /// with runc, whose own default asks for such.</summary>
    private static void CheckWithin(string file, string inner, List<string>? part, string outer, List<string>? whole)
    {
        foreach (string name in part ?? [])
        {
            if (whole is null || !whole.Contains(name))
            {
                throw new UserErrorException(file + ": process.capabilities." + inner + ": " + name + " is not in "
                    + outer);
            }
        }
    }

    private static void CheckSet(string file, string set, List<string>? names)
    {
        foreach (string name in names ?? [])
        {
            if (Number(name) < 0)
            {
                throw new UserErrorException(file + ": process.capabilities." + set + ": unknown capability "
                    + ByteStrings.FromText(name ?? "null"));
            }
        }
    }

    private static int Number(string? name) =>
        name is not null && name.StartsWith("CAP_", StringComparison.Ordinal) ? Array.IndexOf(s_names, name[4..]) : -1;
}
