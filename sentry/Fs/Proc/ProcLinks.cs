using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;
using static Abi.Linux.StatMode;

namespace Sentry.Fs.Proc;

/// <summary>What a path link of a task shows.</summary>
internal enum ProcPathKind
{
    WorkingDirectory,
    Executable,
    Root,
}

/// <summary>/proc/PID/cwd, exe and root: magic links to places.</summary>
internal sealed class ProcPathLink(ProcTaskContext context, SyntheticIdentity identity, ProcPathKind kind)
    : SyntheticLink(context.Proc, identity)
{
    /// <inheritdoc/>
    public override Errno FollowMagicLink(Task task, out VfsPath target)
    {
        target = default;
        if (context.Task is not { } owner)
        {
            return Errno.ENOENT;
        }

        Errno errno = ProcAccess.MayInspect(task, owner);
        return errno != Errno.None ? errno : Find(owner, out target);
    }

    /// <inheritdoc/>
    public override Errno ReadLink(Task task, out string target)
    {
        Errno errno = FollowMagicLink(task, out VfsPath path);
        target = errno == Errno.None ? context.Proc.Kernel.Vfs.FormatLink(path, task.FsContext.Root) : "";
        return target.Length >= Limits.PATH_MAX ? Errno.ENAMETOOLONG : errno;
    }

    private Errno Find(Task owner, out VfsPath target)
    {
        target = default;
        if (kind == ProcPathKind.Executable)
        {
            if (owner.AcquireMm() is not { } mm)
            {
                return Errno.ENOENT;
            }

            FileDescription? executable = mm.Image.Executable;
            target = executable?.Path ?? default;
            mm.DropUser();
            return executable is null ? Errno.ENOENT : Errno.None;
        }

        if (owner.PeekFsContext() is not { } places)
        {
            return Errno.ENOENT;
        }

        target = kind == ProcPathKind.Root ? places.Root : places.WorkingDirectory;
        return Errno.None;
    }
}

/// <summary>Which of the two directories of descriptors.</summary>
internal enum ProcDescriptorKind
{
    /// <summary>/proc/PID/fd.</summary>
    Links,

    /// <summary>/proc/PID/fdinfo.</summary>
    Information,
}

/// <summary>/proc/PID/fd and fdinfo.</summary>
internal sealed class ProcDescriptorDirectory(ProcTaskContext context, SyntheticIdentity identity,
    ProcDescriptorKind kind)
    : SyntheticDirectory(context.Proc, identity)
{
    private const byte LinkType = 10;
    private const byte FileEntryType = 8;

    /// <summary>fdinfo is for who may inspect the task, whatever its mode says (proc_fdinfo_permission).</summary>
    public override Errno CheckPermission(Task task, MayAccess access)
    {
        bool isOpen = kind == ProcDescriptorKind.Links || context.Task is not { } owner
            || ProcAccess.MayInspect(task, owner) == Errno.None;
        return isOpen ? Errno.EOPNOTSUPP : Errno.EACCES;
    }

    /// <inheritdoc/>
    public override Errno List(Task task, List<SyntheticEntry> entries)
    {
        if (context.Task is not { } owner)
        {
            return Errno.ENOENT;
        }

        Errno errno = ProcAccess.MayInspect(task, owner);
        if (errno != Errno.None || owner.PeekFdTable() is not { } table)
        {
            return errno;
        }

        int from = 0;
        while (table.TryFindOpen(from, int.MaxValue, out int fd))
        {
            byte type = kind == ProcDescriptorKind.Links ? LinkType : FileEntryType;
            entries.Add(new SyntheticEntry(FirstCookie + fd, fd.ToString(CultureInfo.InvariantCulture), NumberOf(fd),
                type));
            from = fd + 1;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Lookup(Task task, string name, out Inode? child)
    {
        child = null;
        bool isNumber = name == "0" || ProcRoot.TryParseId(name, out _);
        if (context.Task is not { } owner || !isNumber)
        {
            return Errno.ENOENT;
        }

        Errno errno = ProcAccess.MayInspect(task, owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        int fd = int.Parse(name, CultureInfo.InvariantCulture);
        FdTable? table = owner.PeekFdTable();
        if (table is null || !table.TryFindOpen(fd, fd, out _))
        {
            return Errno.ENOENT;
        }

        SyntheticIdentity own = ProcTaskDirectory.Identify(owner, NumberOf(fd), kind == ProcDescriptorKind.Links
            ? 0x1C0u : 0x124u);
        child = kind == ProcDescriptorKind.Links
            ? new ProcDescriptorLink(context, own, table, fd)
            : new ProcDescriptorInformation(context, own, table, fd);
        return Errno.None;
    }

    private ulong NumberOf(int fd) => ProcSuperBlock.TaskNumber(context.Id, kind == ProcDescriptorKind.Links ? 200
        : 201, (ulong)fd + 1);
}

/// <summary>/proc/PID/fd/N.</summary>
internal sealed class ProcDescriptorLink(ProcTaskContext context, SyntheticIdentity identity, FdTable table, int fd)
    : SyntheticLink(context.Proc, identity)
{
    /// <inheritdoc/>
    public override Errno FollowMagicLink(Task task, out VfsPath target)
    {
        FileDescription? file = table.Get(fd);
        target = file?.GetPath() ?? default;
        file?.DropReference(task);
        return file is null ? Errno.ENOENT : Errno.None;
    }

    /// <inheritdoc/>
    public override Errno ReadLink(Task task, out string target)
    {
        FileDescription? file = table.Get(fd);
        target = file is null ? "" : context.Proc.Kernel.Vfs.FormatLink(file, task.FsContext.Root);
        file?.DropReference(task);
        if (file is null)
        {
            return Errno.ENOENT;
        }

        return target.Length >= Limits.PATH_MAX ? Errno.ENAMETOOLONG : Errno.None;
    }
}

/// <summary>/proc/PID/fdinfo/N.</summary>
internal sealed class ProcDescriptorInformation(ProcTaskContext context, SyntheticIdentity identity, FdTable table,
    int fd)
    : SyntheticFile(context.Proc, identity)
{
    /// <inheritdoc/>
    public override Errno Generate(Task reader, StringBuilder text)
    {
        if (table.Get(fd) is not { } file)
        {
            return Errno.ENOENT;
        }

        bool closes = table.GetCloseOnExec(fd, out CloseOnExec closeOnExec) == Errno.None
            && closeOnExec == CloseOnExec.Yes;
        int flags = file.Flags | (closes ? Fcntl.O_CLOEXEC : 0);
        file.Inode.GetAttributes(out InodeAttributes attributes);
        text.Append("pos:\t").Append(file.Position).Append("\nflags:\t0").Append(System.Convert.ToString(flags, 8));
        text.Append("\nmnt_id:\t").Append(file.Path.Mount?.Id ?? 0).Append("\nino:\t").Append(attributes.Inode)
            .Append('\n');
        file.AppendInformation(reader, text);
        file.DropReference(reader);
        return Errno.None;
    }
}
