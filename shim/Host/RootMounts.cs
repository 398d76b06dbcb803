using System.Collections.Generic;
using System.IO;
using Abi.Linux;
using Google.Protobuf.Collections;
using HostOs;
using Shim.Messages;
using static Abi.Linux.MountFlags;

namespace Shim.Host;

/// <summary>The mounts that make a bundle's root file system: the snapshot, as containerd describes it.</summary>
internal static class RootMounts
{
    private const string Directory = "/rootfs";

    /// <summary>mount(2) takes one page of options.</summary>
    private const int MaxDataBytes = 4095;

    private static readonly Dictionary<string, (ulong Set, ulong Clear)> s_flags = new()
    {
        ["ro"] = (MS_RDONLY, 0),
        ["rw"] = (0, MS_RDONLY),
        ["nosuid"] = (MS_NOSUID, 0),
        ["nodev"] = (MS_NODEV, 0),
        ["noexec"] = (MS_NOEXEC, 0),
        ["noatime"] = (MS_NOATIME, 0),
        ["relatime"] = (MS_RELATIME, 0),
        ["bind"] = (MS_BIND, 0),
        ["rbind"] = (MS_BIND | MS_REC, 0),
        ["defaults"] = (0, 0),
    };

    /// <summary>Mounts all, one upon the other; on failure none is left.</summary>
    internal static void Mount(string bundle, RepeatedField<Mount> mounts)
    {
        if (mounts.Count == 0)
        {
            return;
        }

        string target = bundle + Directory;
        System.IO.Directory.CreateDirectory(target);
        foreach (Mount mount in mounts)
        {
            Errno errno = MountOne(mount, Text.ToBytes(target));
            if (errno != Errno.None)
            {
                Unmount(bundle);
                throw ShimException.Of("mount " + mount.Type + " of " + mount.Source + " on " + target, errno);
            }
        }
    }

    /// <summary>Takes away whatever is mounted there.</summary>
    internal static void Unmount(string bundle)
    {
        const int NoFollow = 8;
        string target = Text.ToBytes(bundle + Directory);
        while (HostMount.Umount2(target, HostMount.UmountDetach | NoFollow) == Errno.None)
        {
        }
    }

    private static Errno MountOne(Mount mount, string target)
    {
        ulong flags = 0;
        List<string> data = [];
        foreach (string option in mount.Options)
        {
            if (s_flags.TryGetValue(option, out (ulong Set, ulong Clear) change))
            {
                flags = (flags | change.Set) & ~change.Clear;
            }
            else
            {
                data.Add(option);
            }
        }

        string text = Text.ToBytes(string.Join(',', data));
        if (text.Length > MaxDataBytes)
        {
            return Errno.E2BIG;
        }

        string source = Text.ToBytes(mount.Source);
        bool isBind = (flags & MS_BIND) != 0;
        Errno errno = HostMount.Mount(source, target, isBind ? "none" : Text.ToBytes(mount.Type), flags, text);

        // A bind takes its other flags only when it is mounted again (mount(2)).
        ulong rest = flags & ~(ulong)(MS_BIND | MS_REC);
        return errno == Errno.None && isBind && rest != 0
            ? HostMount.Mount(source, target, "none", MS_REMOUNT | flags, null)
            : errno;
    }
}
