using Runsc.Oci;

namespace Runsc.Sandbox;

/// <summary>Names of containers: what runc accepts, so that an id is always one path component.</summary>
internal static class ContainerId
{
    private const int MaxLength = 1024;

    internal static void Check(string id)
    {
        bool ok = id.Length is > 0 and <= MaxLength && id != "." && id != "..";
        foreach (char c in id)
        {
            ok &= char.IsAsciiLetterOrDigit(c) || c is '_' or '+' or '-' or '.';
        }

        if (!ok)
        {
            throw new UserErrorException("run: container id " + id
                + ": only letters, digits, '_', '+', '-' and '.' are allowed");
        }
    }
}
