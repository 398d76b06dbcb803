using System;
using System.Buffers.Binary;
using Abi.Linux;
using HostOs;
using Stub;

namespace Platform.Systrap;

/// <summary>
/// Code, constants and the master's command slot, mapped in the Sentry at the address they will have in every stub, so
/// that the forked master finds them. Unmapped here once the master stands on its own.
/// </summary>
internal sealed class StubRegion
{
    /// <summary>End of user space with four-level page tables (TASK_SIZE of the host's x86-64 kernel).</summary>
    public const ulong TaskSize = 0x7ffffffff000;

    private const ulong HighestBase = 0x7fffe0000000;
    private const ulong Step = 1UL << SystrapLayout.BaseAlignmentBits;
    private const int Attempts = 64;
    private const int InstructionBytes = 8;
    private const int ProgramHeaderBytes = 16;

    private StubRegion(ulong address, SystrapPage page)
    {
        Base = address;
        Page = page;
    }

    /// <summary>Address of the code, and exclusive upper bound of guest mappings.</summary>
    public ulong Base { get; }

    /// <summary>The code.</summary>
    public SystrapPage Page { get; }

    /// <summary>Address of the command slot in a stub.</summary>
    public ulong Commands => Base + SystrapLayout.CommandsOffset;

    /// <summary>Address of the process's seccomp program in a stub.</summary>
    public ulong ProcessFilter => Base + SystrapLayout.ConstantsOffset + SystrapLayout.ProcessFilterOffset;

    /// <summary>Address of a context slot in a stub.</summary>
    public ulong ContextAt(int index) =>
        Base + SystrapLayout.ContextsOffset + ((ulong)index * SystrapLayout.ContextBytes);

    /// <summary>Address of the trampolines in a stub.</summary>
    public ulong Trampolines => Base + SystrapLayout.TrampolinesOffset;

    /// <summary>Maps everything at the highest free place.</summary>
    public static Errno Map(SlotArea commands, SlotArea patches, out StubRegion? region)
    {
        Errno error = Errno.ENOMEM;
        for (int i = 0; i < Attempts; i++)
        {
            ulong address = HighestBase - ((ulong)i * Step);
            region = new StubRegion(address, SystrapPage.Prepare(address));
            error = region.MapHere(commands, patches.Fd);
            if (error == Errno.None)
            {
                return Errno.None;
            }
        }
        region = null;
        return error;
    }

    /// <summary>Removes it from the Sentry.</summary>
    public void Unmap() =>
        HostMman.Unmap((nint)Base, SystrapLayout.CommandsOffset + SystrapLayout.CommandBytes);

    private Errno MapHere(SlotArea commands, int patchFd)
    {
        const int Bytes = SystrapLayout.CommandsOffset;
        const int ReadWrite = HostMman.ProtRead | HostMman.ProtWrite;
        int flags = HostMman.MapPrivate | HostMman.MapAnonymous | HostMman.MapFixedNoReplace;
        Errno error = HostMman.Map((nint)Base, Bytes, ReadWrite, flags, -1, 0, out nint at);
        if (error != Errno.None)
        {
            return error;
        }
        if (SafeCopy.CopyOut(at, Page.Code) == 0 &&
            SafeCopy.CopyOut(at + SystrapLayout.ConstantsOffset, Constants(commands.Fd, patchFd)) == 0)
        {
            error = HostMman.Protect(at, Bytes, HostMman.ProtRead | HostMman.ProtExec);
        }
        if (error == Errno.None)
        {
            flags = HostMman.MapShared | HostMman.MapFixedNoReplace;
            error = HostMman.Map(
                (nint)Commands, SystrapLayout.CommandBytes, ReadWrite, flags, commands.Fd, 0, out _);
        }
        if (error != Errno.None)
        {
            HostMman.Unmap(at, Bytes);
        }
        return error;
    }

    private byte[] Constants(int commandFd, int patchFd)
    {
        byte[] page = new byte[SystrapLayout.CommandsOffset - SystrapLayout.ConstantsOffset];
        for (int i = 0; i < SystrapLayout.Numbers; i++)
        {
            int at = SystrapLayout.NumbersOffset + (i * sizeof(uint));
            BinaryPrimitives.WriteInt32LittleEndian(page.AsSpan(at), i);
        }
        WriteProgram(page, SystrapLayout.ProcessFilterOffset, SystrapFilter.ForProcess(Base, commandFd, patchFd));
        WriteProgram(page, SystrapLayout.ThreadFilterOffset, SystrapFilter.ForThread(Base));
        return page;
    }

    /// <summary>struct sock_fprog, then the instructions it points to.</summary>
    private void WriteProgram(byte[] page, int offset, ulong[] program)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            ProgramHeaderBytes + (program.Length * InstructionBytes),
            SystrapLayout.ThreadFilterOffset - SystrapLayout.ProcessFilterOffset);
        ulong address = Base + SystrapLayout.ConstantsOffset + (ulong)(offset + ProgramHeaderBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(offset), (ulong)program.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(offset + sizeof(ulong)), address);
        for (int i = 0; i < program.Length; i++)
        {
            int at = offset + ProgramHeaderBytes + (i * InstructionBytes);
            BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(at), program[i]);
        }
    }
}
