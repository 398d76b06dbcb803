using Abi.Linux;
using Stub;

namespace Platform.Systrap;

/// <summary>All memory that stubs share with the Sentry. The areas are sparse.</summary>
/// <param name="Commands">Command slots.</param>
/// <param name="Contexts">Context slots.</param>
/// <param name="Trampolines">For each process with patched call sites its table and trampolines.</param>
/// <param name="PatchedPages">Copies of pages with patched call sites.</param>
internal sealed record StubAreas(SlotArea Commands, SlotArea Contexts, SlotArea Trampolines, SlotArea PatchedPages)
{
    private const int MaxProcesses = 1 << 15;
    private const int MaxThreads = 1 << 16;
    private const int MaxPages = 1 << 18;
    private const int PageBytes = 4096;

    /// <summary>Reserves all of them.</summary>
    public static Errno Create(out StubAreas? areas)
    {
        const int Bytes = SystrapLayout.TableBytes + SystrapLayout.TrampolineBytes;
        areas = null;
        SlotArea? contexts = null;
        SlotArea? trampolines = null;
        SlotArea? pages = null;
        Errno error = SlotArea.Create("stub-commands", SystrapLayout.CommandBytes, MaxProcesses,
            out SlotArea? commands);
        if (error == Errno.None)
        {
            error = SlotArea.Create("stub-contexts", SystrapLayout.ContextBytes, MaxThreads, out contexts);
        }
        if (error == Errno.None)
        {
            error = SlotArea.Create("stub-trampolines", Bytes, MaxProcesses, out trampolines);
        }
        if (error == Errno.None)
        {
            error = SlotArea.Create("stub-pages", PageBytes, MaxPages, out pages);
        }
        if (error == Errno.None)
        {
            areas = new StubAreas(commands!, contexts!, trampolines!, pages!);
            return Errno.None;
        }
        trampolines?.Dispose();
        contexts?.Dispose();
        commands?.Dispose();
        return error;
    }

    /// <summary>Gives everything back.</summary>
    public void Dispose()
    {
        PatchedPages.Dispose();
        Trampolines.Dispose();
        Contexts.Dispose();
        Commands.Dispose();
    }
}
