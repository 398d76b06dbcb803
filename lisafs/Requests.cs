using System;

namespace Lisafs;

/// <summary>
/// A file as a request names it: a handle, or (name not empty) the child of a directory handle. The second form
/// spares a walk for files that are used once.
/// </summary>
public readonly record struct WireTarget(uint Handle, string Name)
{
    /// <summary>Parses; false when malformed.</summary>
    public static bool TryRead(ref MessageReader reader, out WireTarget target)
    {
        reader.Read(out uint handle);
        bool ok = reader.ReadOptionalName(out string name);
        target = new WireTarget(handle, name);
        return ok;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        writer.Write(Handle);
        writer.WriteString(Name);
    }
}

/// <summary>Body of <see cref="Operation.Mount"/>: which attach point.</summary>
public readonly record struct MountRequest(uint AttachIndex)
{
    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out MountRequest request)
    {
        reader.Read(out uint index);
        request = new MountRequest(index);
        return reader.IsComplete;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer) => writer.Write(AttachIndex);
}

/// <summary>
/// Body of <see cref="Operation.Walk"/>: components one below the other. The walk ends at the first that is no
/// directory.
/// </summary>
public readonly record struct WalkRequest(uint Directory, WalkHandles Handles, string[] Names)
{
    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out WalkRequest request)
    {
        request = default;
        reader.Read(out uint directory);
        reader.Read(out uint handles);
        if (!reader.Read(
            out uint count) || count == 0 || count > Protocol.MaxWalkNames || handles > (uint)WalkHandles.All)
        {
            return false;
        }

        string[] names = new string[count];
        for (int i = 0; i < names.Length; i++)
        {
            if (!reader.ReadName(out names[i]))
            {
                return false;
            }
        }

        request = new WalkRequest(directory, (WalkHandles)handles, names);
        return reader.IsComplete;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        writer.Write(Directory);
        writer.Write((uint)Handles);
        writer.Write((uint)Names.Length);
        foreach (string name in Names)
        {
            writer.WriteString(name);
        }
    }
}

/// <summary>
/// Body of the operations that take a file alone: GetAttributes, ReadLink, ListXattr, Sync, Statistics.
/// </summary>
public readonly record struct TargetRequest(WireTarget Target)
{
    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out TargetRequest request)
    {
        WireTarget.TryRead(ref reader, out WireTarget target);
        request = new TargetRequest(target);
        return reader.IsComplete;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer) => Target.Write(ref writer);
}

/// <summary>Body of <see cref="Operation.SetAttributes"/>.</summary>
public readonly record struct SetAttributesRequest(WireTarget Target, WireAttributeChange Change)
{
    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out SetAttributesRequest request)
    {
        WireTarget.TryRead(ref reader, out WireTarget target);
        reader.Read(out WireAttributeChange change);
        request = new SetAttributesRequest(target, change);
        return reader.IsComplete && (change.Mask & ~WireAttributeMask.All) == 0;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        Target.Write(ref writer);
        writer.Write(Change);
    }
}

/// <summary>Body of <see cref="Operation.Open"/>: O_ACCMODE bits, O_DIRECT and O_NOATIME count.</summary>
public readonly record struct OpenRequest(WireTarget Target, int Flags)
{
    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out OpenRequest request)
    {
        WireTarget.TryRead(ref reader, out WireTarget target);
        reader.Read(out int flags);
        request = new OpenRequest(target, flags);
        return reader.IsComplete;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        Target.Write(ref writer);
        writer.Write(Flags);
    }
}

/// <summary>
/// Body of <see cref="Operation.ReadDirectory"/>: as many entries after the cookie (0: the first) as a message
/// holds. When the directory is named by its parent, the answer brings a handle on it.
/// </summary>
public readonly record struct ReadDirectoryRequest(WireTarget Directory, DirectoryDetail Detail, long Cookie)
{
    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out ReadDirectoryRequest request)
    {
        WireTarget.TryRead(ref reader, out WireTarget directory);
        reader.Read(out uint detail);
        reader.Read(out long cookie);
        request = new ReadDirectoryRequest(directory, (DirectoryDetail)detail, cookie);
        return reader.IsComplete && detail <= (uint)DirectoryDetail.Attributes && cookie >= 0;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        Directory.Write(ref writer);
        writer.Write((uint)Detail);
        writer.Write(Cookie);
    }
}

/// <summary>
/// Body of Create, MakeDirectory, MakeNode, MakeSymlink and MakeUnnamed. Mode has the final permission bits (and
/// the type for MakeNode); the server gives the file to Uid and Gid. Name is empty for MakeUnnamed only, LinkTarget
/// for all but MakeSymlink.
/// </summary>
public readonly record struct CreateRequest(
    uint Directory, uint Mode, uint Uid, uint Gid, ulong SpecialDevice, string Name, string LinkTarget)
{
    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out CreateRequest request)
    {
        reader.Read(out uint directory);
        reader.Read(out uint mode);
        reader.Read(out uint uid);
        reader.Read(out uint gid);
        reader.Read(out ulong device);
        reader.ReadOptionalName(out string name);
        reader.ReadText(Protocol.MaxLinkBytes, out string target);
        request = new CreateRequest(directory, mode, uid, gid, device, name, target);
        return reader.IsComplete;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        writer.Write(Directory);
        writer.Write(Mode);
        writer.Write(Uid);
        writer.Write(Gid);
        writer.Write(SpecialDevice);
        writer.WriteString(Name);
        writer.WriteString(LinkTarget);
    }
}

/// <summary>Body of <see cref="Operation.Link"/>: a new name for a file of the same attach point.</summary>
public readonly record struct LinkRequest(WireTarget Target, uint Directory, string Name)
{
    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out LinkRequest request)
    {
        WireTarget.TryRead(ref reader, out WireTarget target);
        reader.Read(out uint directory);
        reader.ReadName(out string name);
        request = new LinkRequest(target, directory, name);
        return reader.IsComplete;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        Target.Write(ref writer);
        writer.Write(Directory);
        writer.WriteString(Name);
    }
}

/// <summary>Body of <see cref="Operation.Unlink"/>.</summary>
public readonly record struct UnlinkRequest(uint Directory, UnlinkFlags Flags, string Name)
{
    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out UnlinkRequest request)
    {
        reader.Read(out uint directory);
        reader.Read(out uint flags);
        reader.ReadName(out string name);
        request = new UnlinkRequest(directory, (UnlinkFlags)flags, name);
        return reader.IsComplete && flags <= (uint)(UnlinkFlags.Directory | UnlinkFlags.KeepHandle);
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        writer.Write(Directory);
        writer.Write((uint)Flags);
        writer.WriteString(Name);
    }
}

/// <summary>Body of <see cref="Operation.Rename"/>, flags as renameat2(2).</summary>
public readonly record struct RenameRequest(
    uint OldDirectory, string OldName, uint NewDirectory, string NewName, uint Flags)
{
    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out RenameRequest request)
    {
        reader.Read(out uint oldDirectory);
        reader.Read(out uint newDirectory);
        reader.Read(out uint flags);
        reader.ReadName(out string oldName);
        reader.ReadName(out string newName);
        request = new RenameRequest(oldDirectory, oldName, newDirectory, newName, flags);
        return reader.IsComplete;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        writer.Write(OldDirectory);
        writer.Write(NewDirectory);
        writer.Write(Flags);
        writer.WriteString(OldName);
        writer.WriteString(NewName);
    }
}

/// <summary>Body of GetXattr, SetXattr and RemoveXattr; flags and value count for SetXattr only.</summary>
public readonly ref struct XattrRequest(WireTarget target, string name, int flags, ReadOnlySpan<byte> value)
{
    /// <summary>The file.</summary>
    public WireTarget Target { get; } = target;

    /// <summary>Name with its namespace ("user.x").</summary>
    public string Name { get; } = name;

    /// <summary>XATTR_CREATE, XATTR_REPLACE.</summary>
    public int Flags { get; } = flags;

    /// <summary>New value.</summary>
    public ReadOnlySpan<byte> Value { get; } = value;

    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out XattrRequest request)
    {
        WireTarget.TryRead(ref reader, out WireTarget target);
        reader.Read(out int flags);
        bool named = reader.ReadText(Protocol.MaxNameBytes, out string name);
        reader.ReadBytes(Protocol.MaxXattrBytes, out ReadOnlySpan<byte> value);
        request = new XattrRequest(target, name, flags, value);
        return reader.IsComplete && named && name.Length > 0;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        Target.Write(ref writer);
        writer.Write(Flags);
        writer.WriteString(Name);
        writer.WriteBytes(Value);
    }
}

/// <summary>Body of <see cref="Operation.Close"/>: handles that will not be used again.</summary>
public static class CloseRequest
{
    /// <summary>
    /// Parses a whole body into <paramref name="handles"/> (room for <see cref="Protocol.MaxCloseHandles"/>).
    /// </summary>
    public static bool TryRead(ref MessageReader reader, scoped Span<uint> handles, out int count)
    {
        count = 0;
        if (!reader.Read(out uint length) || length > (uint)handles.Length)
        {
            return false;
        }

        for (; count < (int)length; count++)
        {
            if (!reader.Read(out handles[count]))
            {
                return false;
            }
        }

        return reader.IsComplete;
    }

    /// <summary>Emits.</summary>
    public static void Write(ref MessageWriter writer, ReadOnlySpan<uint> handles)
    {
        writer.Write((uint)handles.Length);
        foreach (uint handle in handles)
        {
            writer.Write(handle);
        }
    }
}
