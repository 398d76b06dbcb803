namespace Lisafs;

/// <summary>
/// Constants of the file protocol between the Sentry (client) and the gofer (server). One SOCK_SEQPACKET message is
/// one request or one answer; a channel carries one call at a time; descriptors travel beside the answer
/// (SCM_RIGHTS).
/// </summary>
public static class Protocol
{
    /// <summary>
    /// Both ends are one executable, so versions are never negotiated: an other version is a broken peer.
    /// </summary>
    public const ushort Version = 1;

    /// <summary>Longest message with its header, bytes.</summary>
    public const int MaxMessageBytes = 64 * 1024;

    /// <summary>Longest name of one path component, bytes (NAME_MAX).</summary>
    public const int MaxNameBytes = 255;

    /// <summary>Longest symbolic-link target, bytes (PATH_MAX without its NUL).</summary>
    public const int MaxLinkBytes = 4095;

    /// <summary>Most components of one walk.</summary>
    public const int MaxWalkNames = 64;

    /// <summary>Most handles of one close.</summary>
    public const int MaxCloseHandles = 1024;

    /// <summary>Longest value of an extended attribute that is carried, bytes; longer ones are E2BIG.</summary>
    public const int MaxXattrBytes = 60 * 1024;

    /// <summary>Most descriptors of one answer.</summary>
    public const int MaxDescriptors = 2;

    /// <summary>The handle that names nothing.</summary>
    public const uint NoHandle = 0;
}

/// <summary>
/// What a request asks for. Layouts of request and answer bodies are in <c>Requests.cs</c> and <c>Answers.cs</c>.
/// </summary>
public enum Operation : ushort
{
    None = 0,
    Mount = 1,
    Walk = 2,
    GetAttributes = 3,
    SetAttributes = 4,
    Open = 5,
    ReadDirectory = 6,
    Create = 7,
    MakeDirectory = 8,
    MakeNode = 9,
    MakeSymlink = 10,
    MakeUnnamed = 11,
    Link = 12,
    Unlink = 13,
    Rename = 14,
    ReadLink = 15,
    Statistics = 16,
    Sync = 17,
    GetXattr = 18,
    SetXattr = 19,
    ListXattr = 20,
    RemoveXattr = 21,
    Close = 22,

    /// <summary>A descriptor of a directory that serves to name what is in it, no more (O_PATH).</summary>
    OpenDirectory = 23,

    /// <summary>First number that is no operation.</summary>
    Limit = 24,
}

/// <summary>Which handles a walk returns.</summary>
public enum WalkHandles : uint
{
    /// <summary>Attributes only.</summary>
    None = 0,

    /// <summary>For directories.</summary>
    Directories = 1,

    /// <summary>For every component.</summary>
    All = 2,
}

/// <summary>What an unlink removes and leaves.</summary>
[System.Flags]
public enum UnlinkFlags : uint
{
    None = 0,

    /// <summary>rmdir(2).</summary>
    Directory = 1,

    /// <summary>Return a handle on what lost its name.</summary>
    KeepHandle = 2,
}

/// <summary>How a directory is read.</summary>
public enum DirectoryDetail : uint
{
    /// <summary>Inode number, type and name.</summary>
    Names = 0,

    /// <summary>Also attributes, and targets of symbolic links.</summary>
    Attributes = 1,
}
