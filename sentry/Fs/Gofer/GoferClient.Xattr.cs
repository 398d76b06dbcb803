using System;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Lisafs;

namespace Sentry.Fs.Gofer;

/// <summary>Extended attributes, and the handles that are no longer needed.</summary>
public sealed partial class GoferClient
{
    /// <summary>getxattr(2) with a whole value. ENODATA.</summary>
    public Errno GetXattr(WireTarget target, string name, out byte[] value)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new XattrRequest(target, name, 0, default).Write(ref writer);
        value = [];
        Errno error = call.Send(ref writer, Operation.GetXattr, out MessageReader body);
        if (error != Errno.None)
        {
            return error;
        }

        if (!body.ReadBytes(Protocol.MaxXattrBytes, out ReadOnlySpan<byte> bytes))
        {
            return Errno.EIO;
        }

        value = bytes.ToArray();
        return Errno.None;
    }

    /// <summary>setxattr(2).</summary>
    public Errno SetXattr(WireTarget target, string name, ReadOnlySpan<byte> value, int flags)
    {
        if (value.Length > Protocol.MaxXattrBytes)
        {
            return Errno.E2BIG;
        }

        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new XattrRequest(target, name, flags, value).Write(ref writer);
        return call.Send(ref writer, Operation.SetXattr, out _);
    }

    /// <summary>removexattr(2).</summary>
    public Errno RemoveXattr(WireTarget target, string name)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new XattrRequest(target, name, 0, default).Write(ref writer);
        return call.Send(ref writer, Operation.RemoveXattr, out _);
    }

    /// <summary>listxattr(2): appends the names.</summary>
    public Errno ListXattr(WireTarget target, List<string> names)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        new TargetRequest(target).Write(ref writer);
        Errno error = call.Send(ref writer, Operation.ListXattr, out MessageReader body);
        if (error != Errno.None)
        {
            return error;
        }

        if (!body.ReadBytes(Protocol.MaxXattrBytes, out ReadOnlySpan<byte> list))
        {
            return Errno.EIO;
        }

        while (!list.IsEmpty)
        {
            int end = list.IndexOf((byte)0);
            ReadOnlySpan<byte> name = end < 0 ? list : list[..end];
            names.Add(Encoding.Latin1.GetString(name));
            list = end < 0 ? default : list[(end + 1)..];
        }

        return Errno.None;
    }

    /// <summary>Gives a handle back some time; handles travel in batches.</summary>
    public void CloseLater(uint handle)
    {
        if (handle == Protocol.NoHandle)
        {
            return;
        }

        uint[]? batch = null;
        using (_lock.Enter())
        {
            _dead[_deadCount++] = handle;
            if (_deadCount == CloseBatch)
            {
                batch = _dead.AsSpan().ToArray();
                _deadCount = 0;
            }
        }

        if (batch is not null)
        {
            SendClose(batch);
        }
    }

    /// <summary>Gives back all handles that wait for a batch.</summary>
    public void FlushCloses()
    {
        uint[] batch;
        using (_lock.Enter())
        {
            batch = _dead.AsSpan(0, _deadCount).ToArray();
            _deadCount = 0;
        }

        if (batch.Length > 0)
        {
            SendClose(batch);
        }
    }

    private void SendClose(uint[] handles)
    {
        using CallScope call = Begin();
        MessageWriter writer = call.Request();
        CloseRequest.Write(ref writer, handles);
        call.Send(ref writer, Operation.Close, out _);
    }
}
