using System;

namespace Sentry.Vfs;

/// <summary>How a path is walked (path_resolution(7), openat2(2)).</summary>
[Flags]
public enum LookupFlags
{
    None = 0,

    /// <summary>A symbolic link in the last component is followed.</summary>
    Follow = 1,

    /// <summary>The result must be a directory.</summary>
    Directory = 2,

    /// <summary>An empty path names the descriptor itself (AT_EMPTY_PATH).</summary>
    AllowEmpty = 4,

    /// <summary>RESOLVE_NO_XDEV.</summary>
    NoCrossDevice = 0x10,

    /// <summary>RESOLVE_NO_MAGICLINKS.</summary>
    NoMagicLinks = 0x20,

    /// <summary>RESOLVE_NO_SYMLINKS.</summary>
    NoSymlinks = 0x40,

    /// <summary>RESOLVE_BENEATH.</summary>
    Beneath = 0x80,

    /// <summary>RESOLVE_IN_ROOT.</summary>
    InRoot = 0x100,

    /// <summary>RESOLVE_CACHED.</summary>
    CachedOnly = 0x200,

    /// <summary>The composition root walks without asking for search permission.</summary>
    NoPermissionChecks = 0x400,

    /// <summary>The walk must not leave where it starts (LOOKUP_IS_SCOPED).</summary>
    Scoped = Beneath | InRoot,
}

/// <summary>Kind of the last component of a path.</summary>
internal enum LastKind
{
    /// <summary>An ordinary name.</summary>
    Normal,

    /// <summary>".".</summary>
    Dot,

    /// <summary>"..".</summary>
    DotDot,

    /// <summary>Nothing is left: the path was "/", was empty, or ended in a magic link.</summary>
    None,
}
