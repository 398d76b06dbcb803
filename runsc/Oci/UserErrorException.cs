using System;

namespace Runsc.Oci;

/// <summary>Something the user gave cannot be used; the message is the one line that is printed (file or flag, and
/// the reason).</summary>
internal sealed class UserErrorException : Exception
{
    public UserErrorException(string message)
        : base(message)
    {
    }
}
