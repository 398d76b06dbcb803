using System.Collections.Generic;
using static Abi.Linux.MountFlags;

namespace Runsc.Oci;

/// <summary>Mount options of config.json (mount(8) names) to mount(2) flags, propagation and data.</summary>
internal static class MountOptions
{
    private static readonly Dictionary<string, (ulong Set, ulong Clear)> s_flags = new()
    {
        ["defaults"] = (0, 0),
        ["ro"] = (MS_RDONLY, 0),
        ["rw"] = (0, MS_RDONLY),
        ["suid"] = (0, MS_NOSUID),
        ["nosuid"] = (MS_NOSUID, 0),
        ["dev"] = (0, MS_NODEV),
        ["nodev"] = (MS_NODEV, 0),
        ["exec"] = (0, MS_NOEXEC),
        ["noexec"] = (MS_NOEXEC, 0),
        ["sync"] = (MS_SYNCHRONOUS, 0),
        ["async"] = (0, MS_SYNCHRONOUS),
        ["dirsync"] = (MS_DIRSYNC, 0),
        ["atime"] = (0, MS_NOATIME),
        ["noatime"] = (MS_NOATIME, 0),
        ["diratime"] = (0, MS_NODIRATIME),
        ["nodiratime"] = (MS_NODIRATIME, 0),
        ["relatime"] = (MS_RELATIME, 0),
        ["norelatime"] = (0, MS_RELATIME),
        ["strictatime"] = (MS_STRICTATIME, 0),
        ["nostrictatime"] = (0, MS_STRICTATIME),
        ["bind"] = (MS_BIND, 0),
        ["rbind"] = (MS_BIND | MS_REC, 0),
        ["silent"] = (MS_SILENT, 0),
        ["loud"] = (0, MS_SILENT),
        ["nosymfollow"] = (MS_NOSYMFOLLOW, 0),
        ["symfollow"] = (0, MS_NOSYMFOLLOW),
        ["iversion"] = (MS_I_VERSION, 0),
        ["noiversion"] = (0, MS_I_VERSION),
        ["lazytime"] = (MS_LAZYTIME, 0),
        ["nolazytime"] = (0, MS_LAZYTIME),
        ["mand"] = (MS_MANDLOCK, 0),
        ["nomand"] = (0, MS_MANDLOCK),
    };

    /// <summary>Options that a runtime acts on itself and that this one does not.</summary>
    private static readonly HashSet<string> s_refused =
    [
        "remount", "tmpcopyup", "idmap", "ridmap", "copy-symlink", "rro", "rrw", "rnosuid", "rsuid", "rnodev", "rdev",
        "rnoexec", "rexec", "rnodiratime", "rdiratime", "rrelatime", "rnorelatime", "rnoatime", "ratime",
        "rstrictatime", "rnostrictatime", "rnosymfollow", "rsymfollow",
    ];

    private static readonly Dictionary<string, ulong> s_propagation = new()
    {
        ["private"] = MS_PRIVATE,
        ["rprivate"] = MS_PRIVATE | MS_REC,
        ["shared"] = MS_SHARED,
        ["rshared"] = MS_SHARED | MS_REC,
        ["slave"] = MS_SLAVE,
        ["rslave"] = MS_SLAVE | MS_REC,
        ["unbindable"] = MS_UNBINDABLE,
        ["runbindable"] = MS_UNBINDABLE | MS_REC,
    };

    /// <summary>True for an option that must not reach a file system as data.</summary>
    internal static bool IsRefused(string option) => s_refused.Contains(option);

    /// <summary>A propagation type by its name in mount options and in linux.rootfsPropagation.</summary>
    internal static bool TryGetPropagation(string name, out ulong flags) => s_propagation.TryGetValue(name, out flags);

    /// <summary>All options that are known by name, sorted.</summary>
    internal static string[] Names()
    {
        List<string> names = [.. s_flags.Keys, .. s_propagation.Keys];
        names.Sort(System.StringComparer.Ordinal);
        return [.. names];
    }

    /// <summary>Splits the options; what is no flag is data for the file system, in order.</summary>
    internal static (ulong Flags, ulong Propagation, string Data) Parse(IReadOnlyList<string> options)
    {
        ulong flags = 0;
        ulong propagation = 0;
        List<string> data = [];
        foreach (string option in options)
        {
            if (s_flags.TryGetValue(option, out (ulong Set, ulong Clear) change))
            {
                flags = (flags & ~change.Clear) | change.Set;
            }
            else if (s_propagation.TryGetValue(option, out ulong kind))
            {
                propagation = kind;
            }
            else
            {
                data.Add(option);
            }
        }

        return (flags, propagation, string.Join(',', data));
    }
}
