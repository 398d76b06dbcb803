using System;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>
/// Mount options of an overlay (Documentation/filesystems/overlayfs.rst): the layers, and the features whose only
/// value here is the one named.
/// </summary>
internal sealed class OverlayOptions
{
    private const int MaxLayers = 500;
    private const uint DirectoryMode = 0x1C0;

    private readonly List<string> _lowers = [];
    private string _upper = "";
    private string _work = "";

    /// <summary>Reads the data of mount(2): EINVAL for what is unknown or cannot be had.</summary>
    internal static Errno Parse(string data, out OverlayOptions? options)
    {
        options = new OverlayOptions();
        foreach (string part in Split(data, ','))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? part : part[..equals];
            string value = equals < 0 ? "" : part[(equals + 1)..];
            if (part.Length > 0 && !options.Set(key, value))
            {
                return Errno.EINVAL;
            }
        }

        bool isWritable = options._upper.Length > 0;
        bool fits = isWritable ? options._work.Length > 0 && options._lowers.Count > 0 : options._lowers.Count > 1;
        return fits && options._lowers.Count <= MaxLayers ? Errno.None : Errno.EINVAL;
    }

    /// <summary>As /proc/mounts prints them.</summary>
    internal string ToMountOptions()
    {
        string text = "lowerdir=" + string.Join(':', _lowers.ConvertAll(lower => Escape(lower, ':')));
        return _upper.Length == 0 ? text : text + ",upperdir=" + Escape(_upper, ',') + ",workdir=" + Escape(_work, ',');
    }

    /// <summary>
    /// Looks the directories up. EINVAL for file systems that cannot be such a layer, or when the work directory is not
    /// beside the upper one.
    /// </summary>
    internal Errno FindLayers(Task task, out OverlayLayers? layers)
    {
        layers = null;
        List<Inode> lowers = [];
        List<SuperBlock> kept = [];
        foreach (string name in _lowers)
        {
            Errno error = Find(task, name, out VfsPath place);
            if (error != Errno.None)
            {
                return error;
            }

            lowers.Add(place.Dentry.Inode!);
            kept.Add(place.Mount.SuperBlock);
        }

        Inode? upper = null;
        Inode? work = null;
        if (_upper.Length > 0)
        {
            Errno error = FindUpper(task, out upper, out work);
            if (error != Errno.None)
            {
                return error;
            }

            kept.Add(upper!.SuperBlock);
        }

        layers = new OverlayLayers { Upper = upper, Work = work, Lowers = [.. lowers], Kept = [.. kept] };
        return Errno.None;
    }

    private bool Set(string key, string value)
    {
        switch (key)
        {
            case "lowerdir":
                _lowers.Clear();
                _lowers.AddRange(Split(value, ':'));
                return !_lowers.Contains("");
            case "upperdir":
                _upper = Unescape(value);
                return _upper.Length > 0;
            case "workdir":
                _work = Unescape(value);
                return _work.Length > 0;
            case "redirect_dir":
            case "index":
                return value == "on";
            case "metacopy":
            case "nfs_export":
                return value == "off";
            case "xino":
                return value is "on" or "auto";
            case "volatile":
                return value.Length == 0;
            default:
                return false;
        }
    }

    private Errno FindUpper(Task task, out Inode? upper, out Inode? work)
    {
        upper = null;
        work = null;
        Errno error = Find(task, _upper, out VfsPath upperPlace);
        error = error == Errno.None ? Find(task, _work, out VfsPath workPlace) : Fail(error, out workPlace);
        if (error != Errno.None)
        {
            return error;
        }

        // Linux refuses overlays as upper layer too: they keep no whiteouts.
        bool isNested = upperPlace.Dentry.IsBelowOrSame(workPlace.Dentry)
            || workPlace.Dentry.IsBelowOrSame(upperPlace.Dentry);
        bool fits = upperPlace.Mount == workPlace.Mount && !isNested
            && upperPlace.Mount.SuperBlock is not OverlaySuperBlock
            && upperPlace.Mount.SuperBlock.DentryPolicy == DentryPolicy.Cache;
        if (!fits)
        {
            return Errno.EINVAL;
        }

        if (upperPlace.Mount.IsReadOnly)
        {
            return Errno.EROFS;
        }

        upper = upperPlace.Dentry.Inode!;
        return PrepareWork(task, workPlace.Dentry.Inode!, out work);
    }

    /// <summary>
    /// An empty directory "work" in the work directory, and proof that whiteouts and attributes can be made there.
    /// </summary>
    private static Errno PrepareWork(Task task, Inode directory, out Inode? work)
    {
        directory.IsChangedFromAbove = true;
        using (directory.DirectoryLock.Enter())
        {
            Errno error = directory.Lookup(task, "work", out work);
            if (error == Errno.ENOENT)
            {
                CreateContext context = new(task, StatMode.S_IFDIR | DirectoryMode, 0, 0);
                error = directory.MakeDirectory(context, "work", out work);
            }

            error = error == Errno.None && work!.FileType != StatMode.S_IFDIR ? Errno.EINVAL : error;
            error = error == Errno.None ? Sweep(task, work!) : error;
            return error == Errno.None ? Probe(task, work!) : error;
        }
    }

    /// <summary>Removes what an earlier mount left behind.</summary>
    private static Errno Sweep(Task task, Inode directory)
    {
        List<ListedName> names = [];
        Errno error = OverlayListing.ReadReal(task, directory, names);
        for (int i = 0; i < names.Count && error == Errno.None; i++)
        {
            error = directory.Lookup(task, names[i].Name, out Inode? child);
            if (error != Errno.None || !child!.TryReference())
            {
                return error == Errno.None ? Errno.ESTALE : error;
            }

            error = child.FileType == StatMode.S_IFDIR
                ? SweepDirectory(task, directory, names[i].Name, child)
                : directory.Unlink(task, names[i].Name, child);
            child.DropReference();
        }

        return error;
    }

    private static Errno SweepDirectory(Task task, Inode parent, string name, Inode directory)
    {
        Errno error = Sweep(task, directory);
        return error == Errno.None ? parent.RemoveDirectory(task, name, directory) : error;
    }

    private static Errno Probe(Task task, Inode work)
    {
        const string Name = "#probe";
        CreateContext context = new(task, StatMode.S_IFCHR, 0, 0);
        Errno error = work.MakeNode(context, Name, 0, out Inode? probe);
        if (error != Errno.None || !probe!.TryReference())
        {
            return Errno.EINVAL;
        }

        error = OverlayXattr.SetOrigin(task, work, 0);
        error = error == Errno.None ? work.Unlink(task, Name, probe) : Errno.EINVAL;
        probe.DropReference();
        return error;
    }

    private static Errno Find(Task task, string name, out VfsPath place)
    {
        Errno error = task.Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, name, LookupFlags.Follow, out place);
        if (error != Errno.None)
        {
            return error;
        }

        bool isUnstable = place.Mount.SuperBlock.DentryPolicy == DentryPolicy.NeverCache;
        return isUnstable || !place.Dentry.IsDirectory ? Errno.EINVAL : Errno.None;
    }

    private static Errno Fail(Errno error, out VfsPath place)
    {
        place = default;
        return error;
    }

    /// <summary>Parts between separators that no backslash precedes.</summary>
    private static List<string> Split(string text, char separator)
    {
        List<string> parts = [];
        StringBuilder part = new();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 1 < text.Length)
            {
                // Another separator's escape stays for the next level.
                part.Append(text[i + 1] == separator ? "" : "\\").Append(text[++i]);
            }
            else if (text[i] == separator)
            {
                parts.Add(part.ToString());
                part.Clear();
            }
            else
            {
                part.Append(text[i]);
            }
        }

        parts.Add(part.ToString());
        return parts;
    }

    private static string Unescape(string text) => Split(text, '\0')[0].Replace("\\", "", StringComparison.Ordinal);

    private static string Escape(string text, char separator) =>
        text.Replace(separator.ToString(), "\\" + separator, StringComparison.Ordinal);
}
