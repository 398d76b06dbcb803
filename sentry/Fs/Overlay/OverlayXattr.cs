using System;
using System.Buffers.Binary;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>What the overlay notes on real files, under the names that Linux uses.</summary>
internal static class OverlayXattr
{
    /// <summary>
    /// Names of the overlay's own. What a guest calls so is kept under <see cref="Escaped"/>, as Linux does since 6.7,
    /// so that an overlay may hold the layers of another (fs/overlayfs/xattrs.c).
    /// </summary>
    internal const string Prefix = "trusted.overlay.";

    private const string Escaped = Prefix + "overlay.";

    private const string Opaque = Prefix + "opaque";
    private const string Redirect = Prefix + "redirect";
    private const string Origin = Prefix + "origin";
    private const string Impure = Prefix + "impure";

    /// <summary>Name on the real file for a guest's name.</summary>
    internal static string ToReal(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) ? Escaped + name[Prefix.Length..] : name;

    /// <summary>The guest's name for one on a real file; false for those of the overlay itself.</summary>
    internal static bool TryFromReal(string real, out string name)
    {
        bool isEscaped = real.StartsWith(Escaped, StringComparison.Ordinal);
        name = isEscaped ? Prefix + real[Escaped.Length..] : real;
        return isEscaped || !real.StartsWith(Prefix, StringComparison.Ordinal);
    }

    /// <summary>The directory hides lower ones of its name.</summary>
    internal static bool IsOpaque(Task task, Inode real) => Has(task, real, Opaque);

    /// <summary>Makes it so.</summary>
    internal static Errno SetOpaque(Task task, Inode real) => real.SetXattr(task, Opaque, "y"u8, 0);

    /// <summary>
    /// The directory may hold files that were copied up elsewhere, whose inode numbers differ from the upper ones.
    /// </summary>
    internal static bool IsImpure(Task task, Inode real) => Has(task, real, Impure);

    /// <summary>Makes it so.</summary>
    internal static Errno SetImpure(Task task, Inode real) => real.SetXattr(task, Impure, "y"u8, 0);

    /// <summary>
    /// Path from the lower roots of the lower directories that belong to this one, if it was renamed.
    /// </summary>
    internal static bool TryGetRedirect(Task task, Inode real, out string path)
    {
        bool found = real.GetXattr(task, Redirect, out byte[] value) == Errno.None;
        path = found ? System.Text.Encoding.Latin1.GetString(value) : "";
        return found;
    }

    /// <summary>Sets it.</summary>
    internal static Errno SetRedirect(Task task, Inode real, string path) =>
        real.SetXattr(task, Redirect, System.Text.Encoding.Latin1.GetBytes(path), 0);

    /// <summary>Inode number of what was copied up.</summary>
    internal static OverlayOrigin GetOrigin(Task task, Inode real)
    {
        bool found = real.GetXattr(task, Origin, out byte[] value) == Errno.None && value.Length == sizeof(ulong);
        return found
            ? new OverlayOrigin(OverlayOriginKind.CopiedUp, BinaryPrimitives.ReadUInt64LittleEndian(value))
            : new OverlayOrigin(OverlayOriginKind.None, 0);
    }

    /// <summary>Sets it.</summary>
    internal static Errno SetOrigin(Task task, Inode real, ulong number)
    {
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(value, number);
        return real.SetXattr(task, Origin, value, 0);
    }

    /// <summary>A character device 0:0 stands for a name that was removed.</summary>
    internal static bool IsWhiteout(Inode real) =>
        real.FileType == StatMode.S_IFCHR && real.GetAttributes(out InodeAttributes attributes) == Errno.None
        && attributes.SpecialDevice == 0;

    private static bool Has(Task task, Inode real, string name) =>
        real.GetXattr(task, name, out byte[] value) == Errno.None && value is [(byte)'y'];
}
