using System;
using Abi.Linux;
using Runsc.Sandbox;

namespace Runsc.Oci;

/// <summary>Something the user gave cannot be used; the message is the one line that is printed (file or flag, and
/// the reason).</summary>
internal sealed class UserErrorException : Exception
{
    public UserErrorException(string message, int status = CommandStatus.UserError)
        : base(message) => Status = status;

    /// <summary>What the host said, where that is the reason.</summary>
    internal Errno Cause { get; init; }

    /// <summary>Exit status of runsc.</summary>
    internal int Status { get; }
}
