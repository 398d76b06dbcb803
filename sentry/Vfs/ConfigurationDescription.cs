using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Vfs;

/// <summary>
/// What fsopen(2) and fspick(2) give: a file system being configured. It collects options, then makes or changes an
/// instance.
/// </summary>
public sealed class ConfigurationDescription : FileDescription
{
    private readonly StringBuilder _options = new();
    private readonly SuperBlock? _picked;
    private bool _isTaken;

    /// <summary>For a new instance.</summary>
    internal ConfigurationDescription(GuestKernel kernel, FileSystemType type)
    {
        Inode = new AnonymousInode(kernel.PseudoFileSystems.Anonymous, 0x180, 0, 0);
        Type = type;
        Flags = Fcntl.O_RDWR;
    }

    /// <summary>For an existing instance.</summary>
    internal ConfigurationDescription(GuestKernel kernel, SuperBlock picked)
        : this(kernel, picked.Type)
    {
        _picked = picked;
        SuperFlags = picked.Flags;
    }

    /// <inheritdoc/>
    public override Inode Inode { get; }

    /// <inheritdoc/>
    public override string AnonymousName => "anon_inode:[fscontext]";

    /// <summary>Type of the file system.</summary>
    internal FileSystemType Type { get; }

    /// <summary>Source given by FSCONFIG_SET_STRING "source".</summary>
    internal string Source { get; private set; } = "none";

    /// <summary>MS_RDONLY and the like.</summary>
    internal ulong SuperFlags { get; private set; }

    /// <summary>The instance once it is made; fsmount(2) takes it.</summary>
    internal SuperBlock? Made { get; private set; }

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        return Errno.ENODATA;
    }

    /// <summary>FSCONFIG_SET_FLAG, FSCONFIG_SET_STRING: EBUSY once the instance is made.</summary>
    internal Errno Set(string key, string? value)
    {
        if (Made is not null)
        {
            return Errno.EBUSY;
        }

        switch (key)
        {
            case "source" when value is not null:
                Source = value;
                return Errno.None;
            case "ro":
                SuperFlags |= MountFlags.MS_RDONLY;
                return Errno.None;
            case "rw":
                SuperFlags &= ~(ulong)MountFlags.MS_RDONLY;
                return Errno.None;
            case "sync":
                SuperFlags |= MountFlags.MS_SYNCHRONOUS;
                return Errno.None;
        }

        _options.Append(_options.Length == 0 ? "" : ",").Append(key);
        if (value is not null)
        {
            _options.Append('=').Append(value);
        }

        return Errno.None;
    }

    /// <summary>FSCONFIG_CMD_CREATE.</summary>
    internal Errno Create(Task task)
    {
        if (Made is not null || _picked is not null)
        {
            return Errno.EBUSY;
        }

        string data = _options.ToString();
        Errno errno = VirtualFileSystem.MakeSuperBlock(task, Type, Source, SuperFlags, data, out SuperBlock? made);
        Made = made;
        return errno;
    }

    /// <summary>FSCONFIG_CMD_RECONFIGURE: EINVAL unless the instance was picked or made.</summary>
    internal Errno Reconfigure(Task task)
    {
        SuperBlock? target = _picked ?? Made;
        if (target is null)
        {
            return Errno.EINVAL;
        }

        UserNamespace owner = target.UserNamespace ?? task.Kernel.RootUserNamespace;
        return task.Credentials.HasCapability(Capability.CAP_SYS_ADMIN, owner)
            ? VirtualFileSystem.Reconfigure(task, target, SuperFlags, _options.ToString())
            : Errno.EPERM;
    }

    /// <summary>fsmount(2): the instance, once; null before it is made and after it was taken.</summary>
    internal SuperBlock? Take()
    {
        SuperBlock? made = _isTaken ? null : Made;
        _isTaken = made is not null || _isTaken;
        return made;
    }

    /// <summary>An instance that was made but never mounted is let go.</summary>
    protected override void Release()
    {
        if (Made is { IsMounted: false } unused && !_isTaken)
        {
            unused.Release();
        }
    }
}
