using System;
using Abi.Linux;
using HostOs;

namespace Sentry.Fs.Gofer;

/// <summary>
/// How many host descriptors a client may make use of, here and in the server. Server and Sentry are started with the
/// same RLIMIT_NOFILE (getrlimit(2)), so the Sentry's own says what both have.
/// </summary>
/// <param name="Handles">Handles kept in the server; beyond that the coldest are given back.</param>
/// <param name="IdleFiles">Files whose descriptors are kept here although nobody has them open.</param>
/// <param name="Ceiling">Descriptor numbers from here on are left to what is no file of the server.</param>
public readonly record struct GoferBudget(int Handles, int IdleFiles, int Ceiling)
{
    private const int MostHandles = 65536;
    private const int LeastHandles = 64;
    private const int MostIdleFiles = 1024;
    private const int LeastIdleFiles = 16;
    private const int FilesPerView = 4;
    private const int LeastReserve = 64;
    private const int MostReserve = 4096;

    /// <summary>Directories whose descriptors are kept here.</summary>
    public int Views => Math.Max(IdleFiles / FilesPerView, 1);

    /// <summary>What a limit of this process allows.</summary>
    public static GoferBudget OfThisProcess()
    {
        const ulong Unknown = 1024;
        Errno error = HostPrctl.GetLimit(0, Resource.RLIMIT_NOFILE, out ulong soft, out _);
        return ForLimit(error == Errno.None ? soft : Unknown);
    }

    /// <summary>
    /// Half of the server's descriptors for handles (the others are for requests in progress, directories that are
    /// read, and files that are in use), a quarter of ours for idle files, a sixteenth of ours for what is no file.
    /// </summary>
    public static GoferBudget ForLimit(ulong descriptors)
    {
        int limit = (int)Math.Min(descriptors, int.MaxValue);
        return new GoferBudget(
            Math.Clamp(limit / 2, LeastHandles, MostHandles),
            Math.Clamp(limit / 4, LeastIdleFiles, MostIdleFiles),
            limit - Math.Clamp(limit / 16, LeastReserve, MostReserve));
    }
}
