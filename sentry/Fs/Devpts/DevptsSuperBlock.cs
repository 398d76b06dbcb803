using System.Collections.Generic;
using System.Globalization;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Tty;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Devpts;

/// <summary>One instance of devpts: its terminals by number, and the ptmx node that makes them.</summary>
public sealed class DevptsSuperBlock : SyntheticSuperBlock
{
    /// <summary>Most terminals of one instance (NR_UNIX98_PTY_MAX is a million; this is kernel.pty.max).</summary>
    public const int MaxTerminals = 4096;

    private const long DevptsMagic = 0x1CD1;

    // Inode 1 is the root, 2 is ptmx, then the slaves by number.
    private const ulong PtmxNumber = 2;
    private const ulong FirstSlaveNumber = 3;

    private readonly GuestKernel _kernel;
    private readonly DevptsOptions _options;
    private readonly DevptsDirectory _root;
    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly SortedDictionary<int, SlaveInode> _slaves = new();

    /// <summary>An instance without terminals.</summary>
    public DevptsSuperBlock(FileSystemType type, Task task, in DevptsOptions options)
        : base(type, task.Kernel.Vfs.AllocateDevice(), DevptsMagic)
    {
        _kernel = task.Kernel;
        _options = options;
        _root = new DevptsDirectory(this);
        Ptmx = new PtmxInode(this, new SyntheticIdentity(PtmxNumber, options.PtmxMode));
    }

    /// <inheritdoc/>
    public override Inode Root => _root;

    /// <inheritdoc/>
    public override string Options => _options.ToMountOptions();

    /// <summary>The node that makes terminals.</summary>
    internal PtmxInode Ptmx { get; }

    /// <summary>Makes a terminal and its slave's node; ENOSPC when there are too many.</summary>
    internal Errno NewTerminal(Credentials owner, out Terminal? terminal)
    {
        terminal = null;
        using (_lock.Enter())
        {
            int index = 0;
            foreach (int taken in _slaves.Keys)
            {
                if (taken != index)
                {
                    break;
                }

                index++;
            }

            if (index >= _options.Max)
            {
                return Errno.ENOSPC;
            }

            terminal = new Terminal(_kernel, index);
            uint uid = _options.Uid ?? owner.FsUid;
            uint gid = _options.Gid ?? owner.FsGid;
            SyntheticIdentity identity = new(FirstSlaveNumber + (ulong)index, _options.Mode, uid, gid);
            _slaves.Add(index, new SlaveInode(this, identity, terminal));
            return Errno.None;
        }
    }

    /// <summary>The master closed: the name goes.</summary>
    internal void RemoveTerminal(Terminal terminal)
    {
        using (_lock.Enter())
        {
            _slaves.Remove(terminal.Index);
        }
    }

    internal SlaveInode? FindSlave(int index)
    {
        using (_lock.Enter())
        {
            return _slaves.GetValueOrDefault(index);
        }
    }

    internal List<SlaveInode> Slaves()
    {
        using (_lock.Enter())
        {
            return new List<SlaveInode>(_slaves.Values);
        }
    }
}

/// <summary>The root of devpts.</summary>
internal sealed class DevptsDirectory(DevptsSuperBlock superBlock)
    : SyntheticDirectory(superBlock, new SyntheticIdentity(1, 0x1ED))
{
    private const string PtmxName = "ptmx";

    /// <inheritdoc/>
    public override Errno List(Task task, List<SyntheticEntry> entries)
    {
        entries.Add(new SyntheticEntry(FirstCookie, PtmxName, superBlock.Ptmx.Number, Dirent.DT_CHR));
        foreach (SlaveInode slave in superBlock.Slaves())
        {
            string name = slave.Terminal.Index.ToString(CultureInfo.InvariantCulture);
            entries.Add(new SyntheticEntry(FirstCookie + 1 + slave.Terminal.Index, name, slave.Number, Dirent.DT_CHR));
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Lookup(Task task, string name, out Inode? child)
    {
        child = name == PtmxName ? superBlock.Ptmx : null;
        bool isCanonical = name.Length > 0 && (name[0] != '0' || name.Length == 1);
        if (isCanonical && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
        {
            child = superBlock.FindSlave(index);
        }

        return child is null ? Errno.ENOENT : Errno.None;
    }
}
