using Abi.Linux;
using HostOs;
using Stub;

namespace Platform.Ptrace;

/// <summary>
/// The stub page and the master's command slot, mapped in the Sentry at the address they will have in every stub, so
/// that the forked master finds
/// them. Unmapped here once the master stands on its own.
/// </summary>
internal static class StubRegion
{
    private const int Attempts = 256;

    /// <summary>Maps both at the highest free place.</summary>
    public static Errno Map(CommandArea area, out StubLayout? layout)
    {
        StubPage page = StubPage.Prepared;
        Errno error = Errno.ENOMEM;
        for (int i = 0; i < Attempts; i++)
        {
            layout = new StubLayout(StubLayout.HighestBase - ((ulong)i * StubLayout.Step), page);
            error = MapAt(area, layout);
            if (error == Errno.None)
            {
                return Errno.None;
            }
        }
        layout = null;
        return error;
    }

    /// <summary>Removes both from the Sentry.</summary>
    public static void Unmap(StubLayout layout) =>
        HostMman.Unmap((nint)layout.Base, (nuint)(layout.End - layout.Base));

    private static Errno MapAt(CommandArea area, StubLayout layout)
    {
        int flags = HostMman.MapPrivate | HostMman.MapAnonymous | HostMman.MapFixedNoReplace;
        int access = HostMman.ProtRead | HostMman.ProtWrite;
        Errno error = HostMman.Map((nint)layout.Base, StubPage.MaxBytes, access, flags, -1, 0, out nint at);
        if (error != Errno.None)
        {
            return error;
        }
        if (SafeCopy.CopyOut(at, layout.Page.Code) == 0)
        {
            error = HostMman.Protect(at, StubPage.MaxBytes, HostMman.ProtRead | HostMman.ProtExec);
        }
        if (error == Errno.None)
        {
            flags = HostMman.MapShared | HostMman.MapFixedNoReplace;
            error = HostMman.Map(
                (nint)layout.Commands, CommandArea.SlotBytes, HostMman.ProtRead, flags, area.Fd, 0, out _);
        }
        if (error != Errno.None)
        {
            HostMman.Unmap(at, StubPage.MaxBytes);
        }
        return error;
    }
}
