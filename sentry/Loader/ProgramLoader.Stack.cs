using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Loader;

internal sealed partial class ProgramLoader
{
    private const ulong EndMarkerBytes = 8;
    private const ulong RandomBytes = 16;
    private const ulong WordBytes = 8;
    private const ulong ReserveBytes = 128 * 1024;
    private const string PlatformName = "x86_64";

    /// <summary>
    /// Writes the initial stack (psABI 3.4.1; fs/binfmt_elf.c, create_elf_tables). From the top: end marker, path,
    /// environment, arguments,
    /// platform name, random bytes, then aligned auxiliary vector, envp, argv, argc.
    /// </summary>
    private Errno BuildStack(in Placement placement, out ulong stackPointer)
    {
        ProgramArguments arguments = _plan.Arguments;
        ulong strings = EndMarkerBytes + (ulong)_plan.Path.Length + 1 + StringBytes(arguments.Arguments)
            + StringBytes(arguments.Environment);
        ulong words = 1 + (ulong)arguments.Arguments.Count + 1 + (ulong)arguments.Environment.Count + 1
            + (2 * AuxiliaryEntries);
        ulong total = strings + (ulong)PlatformName.Length + 1 + RandomBytes + (words * WordBytes) + 64;
        stackPointer = 0;
        Errno errno = _mm.MapStack(total + ReserveBytes, placement.StackAccess, out GuestRange stack);
        if (errno != Errno.None)
        {
            return errno;
        }

        byte[] bytes = new byte[total];
        StackWriter writer = new(bytes, stack.End);
        writer.Push(new byte[EndMarkerBytes]);
        ulong pathAddress = writer.PushString(_plan.Path);
        _image.EnvironmentEnd = pathAddress;
        ulong[] environment = PushAll(ref writer, arguments.Environment);
        _image.EnvironmentStart = writer.Address;
        _image.ArgumentEnd = writer.Address;
        ulong[] argv = PushAll(ref writer, arguments.Arguments);
        _image.ArgumentStart = writer.Address;
        ulong platform = writer.PushString(PlatformName);
        byte[] random = new byte[RandomBytes];
        GuestRandom.Fill(random);
        ulong randomAddress = writer.Push(random);
        writer.AlignFor(words * WordBytes);

        ulong[] vector = AuxiliaryVector(placement, pathAddress, platform, randomAddress);
        _image.AuxiliaryVector = WordsToBytes(vector);
        writer.Push(_image.AuxiliaryVector);
        PushPointers(ref writer, environment);
        PushPointers(ref writer, argv);
        stackPointer = writer.PushWord((ulong)argv.Length);
        _image.StartStack = stackPointer;
        return _mm.CopyOut(new GuestAddress(stackPointer), writer.Written);
    }

    private const int AuxiliaryEntries = 21;

    private ulong[] AuxiliaryVector(in Placement placement, ulong path, ulong platform, ulong random)
    {
        Credentials credentials = _plan.Credentials;
        UserNamespace ids = credentials.UserNamespace;
        ulong[] vector =
        [
            Auxvec.AT_SYSINFO_EHDR, placement.Vdso,
            Auxvec.AT_HWCAP, HardwareCapabilities,
            Auxvec.AT_PAGESZ, GuestAddress.PageSize,
            Auxvec.AT_CLKTCK, ClockTick.HZ,
            Auxvec.AT_PHDR, placement.ProgramHeaders,
            Auxvec.AT_PHENT, ElfFile.ProgramHeaderBytes,
            Auxvec.AT_PHNUM, (ulong)placement.ProgramHeaderCount,
            Auxvec.AT_BASE, placement.InterpreterBase,
            Auxvec.AT_FLAGS, 0,
            Auxvec.AT_ENTRY, placement.ProgramEntry,
            Auxvec.AT_UID, ids.FromKernelUidOrOverflow(credentials.RealUid),
            Auxvec.AT_EUID, ids.FromKernelUidOrOverflow(credentials.EffectiveUid),
            Auxvec.AT_GID, ids.FromKernelGidOrOverflow(credentials.RealGid),
            Auxvec.AT_EGID, ids.FromKernelGidOrOverflow(credentials.EffectiveGid),
            Auxvec.AT_SECURE, _plan.IsSecure ? 1UL : 0,
            Auxvec.AT_RANDOM, random,
            Auxvec.AT_HWCAP2, 0,
            Auxvec.AT_EXECFN, path,
            Auxvec.AT_PLATFORM, platform,
            Auxvec.AT_MINSIGSTKSZ, (ulong)_task.Kernel.SignalFrameBytes,
            Auxvec.AT_NULL, 0,
        ];
        if (placement.Vdso == 0)
        {
            vector[0] = Auxvec.AT_IGNORE;
        }

        return vector;
    }

    /// <summary>CPUID.1:EDX, as AT_HWCAP has it on x86.</summary>
    private static ulong HardwareCapabilities => X86Base.IsSupported ? (uint)X86Base.CpuId(1, 0).Edx : 0;

    private static ulong StringBytes(List<string> strings)
    {
        ulong total = 0;
        foreach (string value in strings)
        {
            total += (ulong)value.Length + 1;
        }

        return total;
    }

    /// <summary>Pushes strings so that the first lies lowest; their addresses in order.</summary>
    private static ulong[] PushAll(ref StackWriter writer, List<string> strings)
    {
        ulong[] addresses = new ulong[strings.Count];
        for (int i = strings.Count - 1; i >= 0; i--)
        {
            addresses[i] = writer.PushString(strings[i]);
        }

        return addresses;
    }

    private static void PushPointers(ref StackWriter writer, ulong[] addresses)
    {
        writer.PushWord(0);
        for (int i = addresses.Length - 1; i >= 0; i--)
        {
            writer.PushWord(addresses[i]);
        }
    }

    private static byte[] WordsToBytes(ulong[] words)
    {
        byte[] bytes = new byte[words.Length * sizeof(ulong)];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)), words[i]);
        }

        return bytes;
    }

    /// <summary>Fills a buffer from its end, knowing the guest address of every byte.</summary>
    private ref struct StackWriter(Span<byte> buffer, ulong top)
    {
        private readonly Span<byte> _buffer = buffer;
        private int _used;

        internal readonly ulong Address => top - (ulong)_used;

        internal readonly ReadOnlySpan<byte> Written => _buffer[^_used..];

        internal ulong Push(ReadOnlySpan<byte> bytes)
        {
            _used += bytes.Length;
            bytes.CopyTo(_buffer[^_used..]);
            return Address;
        }

        internal ulong PushString(string value)
        {
            _used += value.Length + 1;
            Encoding.Latin1.GetBytes(value, _buffer[^_used..]);
            return Address;
        }

        internal ulong PushWord(ulong value)
        {
            _used += sizeof(ulong);
            BinaryPrimitives.WriteUInt64LittleEndian(_buffer[^_used..], value);
            return Address;
        }

        /// <summary>Moves down so that the stack pointer is a multiple of 16 after this many more bytes.</summary>
        internal void AlignFor(ulong bytes)
        {
            ulong end = (Address - bytes) & ~15UL;
            _used += (int)(Address - bytes - end);
        }
    }
}
