using Stub;

namespace Platform.Ptrace;

/// <summary>
/// Where things are at the top of every stub process. The guest owns everything below <see cref="Base"/>.
/// </summary>
internal sealed class StubLayout
{
    /// <summary>First address tried; each further attempt is <see cref="Step"/> lower.</summary>
    public const ulong HighestBase = 0x7ffffe000000;

    /// <summary>Distance between attempts.</summary>
    public const ulong Step = 16 << 20;

    /// <summary>End of user space with four-level page tables (TASK_SIZE of the host's x86-64 kernel).</summary>
    public const ulong TaskSize = 0x7ffffffff000;

    public StubLayout(ulong address, StubPage page)
    {
        Base = address;
        Page = page;
    }

    /// <summary>Address of the stub page, and exclusive upper bound of guest mappings.</summary>
    public ulong Base { get; }

    /// <summary>The code and its entry points.</summary>
    public StubPage Page { get; }

    /// <summary>Address of the command area in a stub.</summary>
    public ulong Commands => Base + StubPage.MaxBytes;

    /// <summary>First address above what stubs keep.</summary>
    public ulong End => Commands + CommandArea.SlotBytes;

    public ulong Parked => Base + (ulong)Page.ParkedOffset;

    public ulong InitializeFp => Base + (ulong)Page.InitializeFpOffset;

    public ulong Script => Base + (ulong)Page.ScriptOffset;

    public ulong SpawnThread => Base + (ulong)Page.SpawnThreadOffset;

    public ulong ExitThread => Base + (ulong)Page.ExitThreadOffset;
}
