namespace Lisafs;

/// <summary>
/// A file as an answer gives it: a handle or <see cref="Protocol.NoHandle"/>, attributes, and the target of a
/// symbolic link (else empty).
/// </summary>
public readonly record struct WireNode(uint Handle, WireAttributes Attributes, string LinkTarget)
{
    /// <summary>Parses one.</summary>
    public static bool TryRead(ref MessageReader reader, out WireNode node)
    {
        reader.Read(out uint handle);
        reader.Read(out WireAttributes attributes);
        bool ok = reader.ReadText(Protocol.MaxLinkBytes, out string target);
        node = new WireNode(handle, attributes, target);
        return ok;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        writer.Write(Handle);
        writer.Write(Attributes);
        writer.WriteString(LinkTarget);
    }
}

/// <summary>What a mount may do.</summary>
[System.Flags]
public enum AttachFlags : uint
{
    None = 0,

    /// <summary>Everything that writes is EROFS.</summary>
    ReadOnly = 1,
}

/// <summary>Answer to <see cref="Operation.Mount"/>.</summary>
public readonly record struct MountAnswer(AttachFlags Flags, WireNode Root)
{
    /// <summary>Parses a whole body.</summary>
    public static bool TryRead(ref MessageReader reader, out MountAnswer answer)
    {
        reader.Read(out uint flags);
        WireNode.TryRead(ref reader, out WireNode root);
        answer = new MountAnswer((AttachFlags)flags, root);
        return reader.IsComplete;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        writer.Write((uint)Flags);
        Root.Write(ref writer);
    }
}

/// <summary>
/// Head of the answer to <see cref="Operation.Walk"/>; <see cref="Count"/> nodes follow. <see cref="Error"/> says
/// why the walk ended early, or 0.
/// </summary>
public readonly record struct WalkAnswer(uint Count, int Error)
{
    /// <summary>Parses the head.</summary>
    public static bool TryRead(ref MessageReader reader, out WalkAnswer answer)
    {
        reader.Read(out uint count);
        bool ok = reader.Read(out int error);
        answer = new WalkAnswer(count, error);
        return ok && count <= Protocol.MaxWalkNames;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        writer.Write(Count);
        writer.Write(Error);
    }
}

/// <summary>
/// Head of the answer to <see cref="Operation.ReadDirectory"/>; <see cref="Count"/> entries follow. <see
/// cref="NextCookie"/> is -1 when the directory has ended;
/// <see cref="Handle"/> is a new handle on the directory or <see cref="Protocol.NoHandle"/>.
/// </summary>
public readonly record struct DirectoryAnswer(uint Handle, uint Count, long NextCookie)
{
    /// <summary>Parses the head.</summary>
    public static bool TryRead(ref MessageReader reader, out DirectoryAnswer answer)
    {
        reader.Read(out uint handle);
        reader.Read(out uint count);
        bool ok = reader.Read(out long next);
        answer = new DirectoryAnswer(handle, count, next);
        return ok && next >= -1 && (count > 0 || next == -1);
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        writer.Write(Handle);
        writer.Write(Count);
        writer.Write(NextCookie);
    }
}

/// <summary>
/// One directory entry: "." and ".." are never given. The node's handle is always <see cref="Protocol.NoHandle"/>.
/// </summary>
public readonly record struct WireEntry(string Name, uint Type, ulong Inode, bool HasNode, WireNode Node)
{
    /// <summary>Parses one.</summary>
    public static bool TryRead(ref MessageReader reader, out WireEntry entry)
    {
        reader.Read(out uint type);
        reader.Read(out ulong inode);
        reader.Read(out uint hasNode);
        bool ok = reader.ReadName(out string name);
        WireNode node = default;
        if (ok && hasNode != 0)
        {
            ok = WireNode.TryRead(ref reader, out node);
        }

        entry = new WireEntry(name, type, inode, hasNode != 0, node);
        return ok;
    }

    /// <summary>Emits.</summary>
    public void Write(ref MessageWriter writer)
    {
        writer.Write(Type);
        writer.Write(Inode);
        writer.Write(HasNode ? 1u : 0u);
        writer.WriteString(Name);
        if (HasNode)
        {
            Node.Write(ref writer);
        }
    }
}
