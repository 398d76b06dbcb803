using System;
using System.Globalization;
using System.Text;
using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Tmpfs;

/// <summary>Mount options (tmpfs(5)). A limit of 0 is none.</summary>
public record struct TmpfsOptions
{
    private const int PageSize = 4096;

    /// <summary>Pages of data.</summary>
    public ulong MaxPages { get; set; }

    /// <summary>Files.</summary>
    public ulong MaxInodes { get; set; }

    /// <summary>Permission bits of the root.</summary>
    public uint Mode { get; set; }

    /// <summary>kuid of the root.</summary>
    public uint Uid { get; set; }

    /// <summary>kgid of the root.</summary>
    public uint Gid { get; set; }

    private bool IsSizeGiven { get; set; }

    private bool AreInodesGiven { get; set; }

    private bool IsModeGiven { get; set; }

    /// <summary>Half of memory, one inode for each page of it, mode 1777, owned by the mounter.</summary>
    public static TmpfsOptions Default(Task task)
    {
        ulong half = HostSysinfo.TotalMemoryBytes() / 2 / PageSize;
        return new TmpfsOptions
        {
            MaxPages = half,
            MaxInodes = half,
            Mode = 0x3FF,
            Uid = task.Credentials.FsUid,
            Gid = task.Credentials.FsGid,
        };
    }

    /// <summary>Reads "size=50%,nr_inodes=1k,mode=0755,uid=0,gid=5"; EINVAL for what it does not know.</summary>
    public static Errno Parse(Task task, string data, ref TmpfsOptions options)
    {
        foreach (string part in data.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=');
            string key = equals < 0 ? part : part[..equals];
            string value = equals < 0 ? "" : part[(equals + 1)..];
            Errno errno = options.Set(task, key, value);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        return Errno.None;
    }

    /// <summary>As /proc/mounts prints it.</summary>
    public readonly string ToMountOptions()
    {
        StringBuilder text = new();
        if (IsSizeGiven)
        {
            text.Append(CultureInfo.InvariantCulture, $",size={MaxPages * PageSize / 1024}k");
        }

        if (AreInodesGiven)
        {
            text.Append(CultureInfo.InvariantCulture, $",nr_inodes={MaxInodes}");
        }

        if (IsModeGiven)
        {
            text.Append(",mode=").Append(Convert.ToString(Mode, 8));
        }

        if (Uid != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $",uid={Uid}");
        }

        if (Gid != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $",gid={Gid}");
        }

        return text.Length == 0 ? "" : text.ToString(1, text.Length - 1);
    }

    private Errno Set(Task task, string key, string value)
    {
        switch (key)
        {
            case "size":
                IsSizeGiven = true;
                return ParseSize(value, out ulong bytes) && SetPages((bytes + PageSize - 1) / PageSize)
                    ? Errno.None
                    : Errno.EINVAL;
            case "nr_blocks":
                IsSizeGiven = true;
                return ParseSize(value, out ulong pages) && SetPages(pages) ? Errno.None : Errno.EINVAL;
            case "nr_inodes":
                AreInodesGiven = true;
                bool valid = ParseSize(value, out ulong inodes);
                MaxInodes = inodes;
                return valid ? Errno.None : Errno.EINVAL;
            case "mode":
                IsModeGiven = true;
                return ParseMode(value);
            case "uid":
                bool uidValid = ParseId(value, out uint uid) && task.TryToKernelUid(uid, out uid);
                Uid = uid;
                return uidValid ? Errno.None : Errno.EINVAL;
            case "gid":
                bool gidValid = ParseId(value, out uint gid) && task.TryToKernelGid(gid, out gid);
                Gid = gid;
                return gidValid ? Errno.None : Errno.EINVAL;
            case "huge" or "mpol" or "noswap" or "inode32" or "inode64":
                return Errno.None;
            default:
                return Errno.EINVAL;
        }
    }

    private bool SetPages(ulong pages)
    {
        MaxPages = pages;
        return true;
    }

    private Errno ParseMode(string value)
    {
        uint mode = 0;
        foreach (char digit in value)
        {
            if (digit is < '0' or > '7' || mode > 0x1FFF)
            {
                return Errno.EINVAL;
            }

            mode = (mode << 3) | (uint)(digit - '0');
        }

        Mode = mode & 0xFFF;
        return value.Length == 0 ? Errno.EINVAL : Errno.None;
    }

    private static bool ParseId(string value, out uint id) =>
        uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out id) && id != uint.MaxValue;

    /// <summary>A number with k, m, g, t, or % of memory (memparse).</summary>
    private static bool ParseSize(string value, out ulong bytes)
    {
        bytes = 0;
        if (value.Length == 0)
        {
            return false;
        }

        char suffix = char.ToLowerInvariant(value[^1]);
        int shift = suffix switch
        {
            'k' => 10,
            'm' => 20,
            'g' => 30,
            't' => 40,
            '%' => 0,
            _ => -1,
        };
        string digits = shift < 0 ? value : value[..^1];
        if (!ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number))
        {
            return false;
        }

        if (suffix == '%')
        {
            bytes = HostSysinfo.TotalMemoryBytes() / 100 * number;
            return number <= 100;
        }

        shift = Math.Max(shift, 0);
        bytes = number << shift;
        return bytes >> shift == number;
    }
}
