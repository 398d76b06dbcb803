namespace Sentry.Vfs;

/// <summary>What a walk does with a symbolic link that a component names.</summary>
internal enum LinkUse
{
    /// <summary>The link itself is wanted.</summary>
    Keep,

    /// <summary>It ends the path, or what another such link names: followed where fs.protected_symlinks lets.</summary>
    Follow,

    /// <summary>It ends what a link in the middle of the path names: always followed (fs/namei.c, WALK_TRAILING).
    /// </summary>
    FollowInside,
}
