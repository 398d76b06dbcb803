using System;
using System.IO;
using Abi.Linux;
using global::Platform;
using Iced.Intel;
using Xunit;

namespace Tests.Platform;

/// <summary>One guest address space with a page of code, made of a few instructions, and pages of data.</summary>
internal sealed class Guest : IDisposable
{
    public const ulong Code = 0x400000;
    public const ulong Data = 0x10000000;
    public const int CodePage = 0;
    public const int DataPage = 1;

    private const ulong PageBytes = GuestMemory.PageBytes;

    public Guest(IPlatform platform, Action<Assembler> code, int pages = 16)
        : this(platform, GuestBacking.Memory, code, pages)
    {
    }

    public Guest(IPlatform platform, GuestBacking backing, Action<Assembler> code, int pages = 16)
    {
        Memory = new GuestMemory(pages, backing);
        Assert.Equal(Errno.None, platform.NewAddressSpace(out IAddressSpace? space));
        Space = space!;
        Memory.Write(CodePage, Assemble(code));
        Map(Code, CodePage, MemoryAccess.Read | MemoryAccess.Execute);
    }

    public GuestMemory Memory { get; }

    public IAddressSpace Space { get; }

    /// <summary>Bytes of code for <see cref="Code"/>.</summary>
    public static byte[] Assemble(Action<Assembler> code, ulong address = Code)
    {
        var assembler = new Assembler(64);
        code(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), address);
        return stream.ToArray();
    }

    /// <summary>A context about to execute the first instruction.</summary>
    public IContext NewContext(IPlatform platform)
    {
        IContext context = platform.NewContext();
        context.Registers.Rip = Code;
        context.Registers.Eflags = 0x202;
        return context;
    }

    /// <summary>Maps <paramref name="count"/> pages of the memory at a guest address.</summary>
    public void Map(ulong address, int page, MemoryAccess access, int count = 1, MapHint hint = MapHint.None)
    {
        Errno error = Space.Map(
            address, PageBytes * (ulong)count, Memory.Fd, PageBytes * (ulong)page, access, hint);
        Assert.Equal(Errno.None, error);
    }

    public void Dispose()
    {
        Space.Dispose();
        Memory.Dispose();
    }
}
