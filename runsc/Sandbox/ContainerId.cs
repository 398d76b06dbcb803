using Runsc.Oci;

namespace Runsc.Sandbox;

/// <summary>Names of containers: what runc accepts, so that an id is always one path component.</summary>
internal static class ContainerId
{
    private const int MaxLength = 255;

    internal static void Check(string id)
    {
        if (id.Length > MaxLength)
        {
            throw new UserErrorException("invalid container ID format: longer than 255 characters");
        }

        if (!IsValid(id))
        {
            throw new UserErrorException("invalid container ID format: " + id
                + ": only letters, digits, '_', '+', '-' and '.' are allowed");
        }
    }

    internal static bool IsValid(string id)
    {
        bool ok = id.Length is > 0 and <= MaxLength && id != "." && id != "..";
        foreach (char c in id)
        {
            ok &= char.IsAsciiLetterOrDigit(c) || c is '_' or '+' or '-' or '.';
        }

        return ok;
    }
}
