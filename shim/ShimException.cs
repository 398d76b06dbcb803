using System;
using Abi.Linux;

namespace Shim;

/// <summary>Why a request is refused: goes to the caller as its status.</summary>
internal sealed class ShimException(StatusCode code, string message) : Exception(message)
{
    internal StatusCode Code { get; } = code;

    /// <summary>A host call failed.</summary>
    internal static ShimException Of(string what, Errno errno) => new(StatusCode.Unknown, what + ": " + errno);

    /// <summary>Throws when a host call failed.</summary>
    internal static void Check(string what, Errno errno)
    {
        if (errno != Errno.None)
        {
            throw Of(what, errno);
        }
    }
}

/// <summary>google.rpc.Code: what containerd tells errors apart by.</summary>
internal enum StatusCode
{
    Ok = 0,
    Unknown = 2,
    InvalidArgument = 3,
    NotFound = 5,
    AlreadyExists = 6,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Unimplemented = 12,
}
