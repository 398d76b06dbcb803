using System.Threading;
using Abi.Linux;
using HostOs;
using Lisafs;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>Names of a directory that others change too: asked for at every walk, without the server where it
/// can.</summary>
internal sealed partial class GoferDirectory : IKeepsDescriptors
{
    /// <summary>Looks after which a view is worth its descriptor.</summary>
    private const int LooksForView = 2;

    private DirectoryView? _view;
    private int _looks;

    /// <summary>The Sentry's user may not search the directory, or there is no descriptor for it.</summary>
    private bool _cannotLook;

    /// <inheritdoc/>
    public override Errno Revalidate(Task task, string name, Inode? child)
    {
        GoferInode? known = child as GoferInode;
        known?.ClearStale();
        bool looked = TryLook(name, out Stat stat, out Errno error);
        if (looked && known is null)
        {
            return error == Errno.ENOENT ? Errno.None : Errno.ESTALE;
        }

        if (looked && (error != Errno.None || !known!.IsOf(stat)))
        {
            return Errno.ESTALE;
        }

        if (looked && known!.TryAdopt(stat))
        {
            known.MarkFresh();
            return Errno.None;
        }

        return AskAgain(name, known);
    }

    /// <summary>
    /// Attributes of a name as the host's lstat(2) tells the Sentry (owners mean nothing), or ENOENT; false when
    /// the server must be asked.
    /// </summary>
    internal bool TryLook(string name, out Stat stat, out Errno error)
    {
        stat = default;
        error = Errno.None;
        DirectoryView? view = Volatile.Read(ref _view);
        if (view is null || !view.TryUse())
        {
            view = TakeView();
        }

        if (view is null)
        {
            return false;
        }

        error = view.Look(name, out stat);
        view.Drop();
        if (error is Errno.None or Errno.ENOENT)
        {
            return true;
        }

        Volatile.Write(ref _cannotLook, true);
        CloseDescriptors();
        return false;
    }

    /// <inheritdoc/>
    protected override bool TryLookAtSelf(out Stat stat)
    {
        DirectoryView? view = Volatile.Read(ref _view);
        if (view is null || !view.TryUse())
        {
            return base.TryLookAtSelf(out stat);
        }

        Errno error = view.LookAtSelf(out stat);
        view.Drop();
        return error == Errno.None;
    }

    /// <inheritdoc/>
    public bool IsKept { get; set; }

    /// <summary>Closes the view; it is taken again when it is needed.</summary>
    public void CloseDescriptors() => Interlocked.Exchange(ref _view, null)?.Drop();

    private Errno AskAgain(string name, GoferInode? known)
    {
        using TargetHold directory = GetHandle(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        long beforeNs = HostTime.Now(HostTime.ClockRealtime);
        error = Client.Walk(directory.Wire.Handle, name, WalkHandles.None, out WireNode node);
        if (known is null)
        {
            return error == Errno.ENOENT ? Errno.None : Errno.ESTALE;
        }

        if (error != Errno.None || known.HostIdentity != (node.Attributes.Device, node.Attributes.Inode)
            || known.FileType != (node.Attributes.Mode & StatMode.S_IFMT))
        {
            return Errno.ESTALE;
        }

        known.AdoptAnswer(node.Attributes, beforeNs);
        known.MarkFresh();
        return Errno.None;
    }

    /// <summary>A view in use, or null.</summary>
    private DirectoryView? TakeView()
    {
        if (Volatile.Read(ref _cannotLook) || Interlocked.Increment(ref _looks) < LooksForView)
        {
            return null;
        }

        // Not by directory and name: the name may be another directory's by now.
        using TargetHold target = GetHandle(out Errno error);
        int fd = -1;
        error = error == Errno.None ? Client.OpenDirectory(target.Wire, out fd) : error;
        if (error != Errno.None)
        {
            Volatile.Write(ref _cannotLook, true);
            return null;
        }

        DirectoryView made = new(fd);
        made.TryUse();
        if (Interlocked.CompareExchange(ref _view, made, null) is null)
        {
            Client.Views.Add(this);
        }
        else
        {
            made.Drop();
        }

        return made;
    }
}
