using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Lisafs;
using Sentry.Kernel;

namespace Sentry.Fs.Gofer;

/// <summary>
/// Extended attributes. Nearly no file has any, and every exec asks for security.capability: where nobody else
/// changes the files, the list of names is kept and answers most questions.
/// </summary>
internal abstract partial class GoferInode
{
    /// <inheritdoc/>
    public override Errno GetXattr(Task task, string name, out byte[] value)
    {
        value = [];
        Errno error = GetXattrNames(out string[] names);
        if (error != Errno.None)
        {
            return error;
        }

        if (!Gofer.IsShared && Array.IndexOf(names, name) < 0)
        {
            return Errno.ENODATA;
        }

        using TargetHold target = GetTarget(out error);
        return error == Errno.None ? Client.GetXattr(target.Wire, name, out value) : error;
    }

    /// <inheritdoc/>
    public override Errno SetXattr(Task task, string name, ReadOnlySpan<byte> value, int flags)
    {
        if (Gofer.IsServedReadOnly)
        {
            return Errno.EROFS;
        }

        using TargetHold target = GetTarget(out Errno error);
        if (error == Errno.None)
        {
            error = Client.SetXattr(target.Wire, name, value, flags);
        }

        ForgetXattrNames();
        return error;
    }

    /// <inheritdoc/>
    public override Errno ListXattr(Task task, List<string> names)
    {
        Errno error = GetXattrNames(out string[] known);
        if (error == Errno.None)
        {
            names.AddRange(known);
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno RemoveXattr(Task task, string name)
    {
        if (Gofer.IsServedReadOnly)
        {
            return Errno.EROFS;
        }

        using TargetHold target = GetTarget(out Errno error);
        if (error == Errno.None)
        {
            error = Client.RemoveXattr(target.Wire, name);
        }

        ForgetXattrNames();
        return error;
    }

    private void ForgetXattrNames()
    {
        Volatile.Write(ref _xattrNames, null);
        MarkStale();
    }

    private Errno GetXattrNames(out string[] names)
    {
        string[]? known = Gofer.IsShared ? null : Volatile.Read(ref _xattrNames);
        if (known is not null)
        {
            names = known;
            return Errno.None;
        }

        names = [];
        using TargetHold target = GetTarget(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        List<string> list = [];
        error = Client.ListXattr(target.Wire, list);
        if (error is not (Errno.None or Errno.EOPNOTSUPP))
        {
            return error;
        }

        names = list.ToArray();
        Volatile.Write(ref _xattrNames, names);
        return Errno.None;
    }
}
