using System;
using System.Globalization;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Devpts;

/// <summary>devpts: one instance of pseudo terminals per mount (Documentation/filesystems/devpts.rst).</summary>
public sealed class DevptsFileSystem : FileSystemType
{
    /// <inheritdoc/>
    public override string Name => "devpts";

    /// <inheritdoc/>
    public override UserNamespace MountOwner(Task task) => task.Credentials.UserNamespace;

    /// <inheritdoc/>
    public override Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock)
    {
        superBlock = null;
        Errno error = DevptsOptions.Parse(data, task, out DevptsOptions options);
        if (error == Errno.None)
        {
            superBlock = new DevptsSuperBlock(this, task, options) { Source = source };
        }

        return error;
    }
}

/// <summary>Mount options of devpts.</summary>
public readonly record struct DevptsOptions
{
    /// <summary>Owner of new slaves (kuid); null: who opens the master.</summary>
    public uint? Uid { get; init; }

    /// <summary>Group of new slaves (kgid); null: that of who opens the master.</summary>
    public uint? Gid { get; init; }

    /// <summary>Permission bits of new slaves.</summary>
    public uint Mode { get; init; }

    /// <summary>Permission bits of the ptmx node.</summary>
    public uint PtmxMode { get; init; }

    /// <summary>Most terminals of the instance.</summary>
    public int Max { get; init; }

    /// <summary>Reads "newinstance,ptmxmode=0666,mode=0620,gid=5,max=N". EINVAL for what Linux does not know.</summary>
    public static Errno Parse(string data, Task task, out DevptsOptions options)
    {
        options = new DevptsOptions { Mode = 0x180, PtmxMode = 0, Max = DevptsSuperBlock.MaxTerminals };
        foreach (string part in data.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=');
            string key = equals < 0 ? part : part[..equals];
            if (!options.TrySet(key, equals < 0 ? "" : part[(equals + 1)..], task, out options))
            {
                return Errno.EINVAL;
            }
        }

        return Errno.None;
    }

    /// <summary>As /proc/mounts shows them.</summary>
    public string ToMountOptions()
    {
        string text = Gid is { } gid ? "gid=" + gid.ToString(CultureInfo.InvariantCulture) + "," : "";
        text = Uid is { } uid ? "uid=" + uid.ToString(CultureInfo.InvariantCulture) + "," + text : text;
        return text + "mode=" + Octal(Mode) + ",ptmxmode=" + Octal(PtmxMode);
    }

    private static string Octal(uint bits) => Convert.ToString(bits, 8).PadLeft(3, '0');

    private bool TrySet(string key, string value, Task task, out DevptsOptions result)
    {
        result = this;
        UserNamespace users = task.Credentials.UserNamespace;
        switch (key)
        {
            case "newinstance":
                return true;
            case "uid":
                bool isNumber = uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out uint id);
                result = this with { Uid = users.ToKernelUid(id) };
                return isNumber;
            case "gid":
                isNumber = uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out id);
                result = this with { Gid = users.ToKernelGid(id) };
                return isNumber;
            case "mode":
                isNumber = TryOctal(value, out uint bits);
                result = this with { Mode = bits & 0x1FF };
                return isNumber;
            case "ptmxmode":
                isNumber = TryOctal(value, out bits);
                result = this with { PtmxMode = bits & 0x1FF };
                return isNumber;
            case "max":
                isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int max);
                result = this with { Max = Math.Min(max, DevptsSuperBlock.MaxTerminals) };
                return isNumber;
            default:
                return false;
        }
    }

    private static bool TryOctal(string value, out uint bits)
    {
        bits = 0;
        foreach (char digit in value)
        {
            if (digit is < '0' or > '7' || bits > 0xFFFF)
            {
                return false;
            }

            bits = (bits << 3) | (uint)(digit - '0');
        }

        return value.Length > 0;
    }
}
