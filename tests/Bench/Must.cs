using System;
using Abi.Linux;

namespace Tests.Bench;

/// <summary>A benchmark measures what works: anything else ends it.</summary>
internal static class Must
{
    internal static void Succeed(Errno errno)
    {
        if (errno != Errno.None)
        {
            throw new InvalidOperationException(errno.ToString());
        }
    }

    internal static void Hold(bool condition)
    {
        if (!condition)
        {
            throw new InvalidOperationException("the benchmark does not do what it says");
        }
    }
}
