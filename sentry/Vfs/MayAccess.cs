using System;

namespace Sentry.Vfs;

/// <summary>Kinds of access a permission check is about (linux/fs.h: MAY_*).</summary>
[Flags]
public enum MayAccess
{
    None = 0,
    Execute = 1,
    Write = 2,
    Read = 4,
    Append = 8,
}
