using System;
using System.Buffers.Binary;

namespace Stub;

/// <summary>
/// A SYSCALL instruction of the guest that can be replaced by a jump to a trampoline, with its neighbours. The jump,
/// <c>jmp *disp32</c> with a scaled index that is none, takes seven bytes: <c>ff 24 e5</c> and the address of an entry
/// of the table. Every instruction that began in these bytes, other than the first, must find there a byte that traps:
/// <list type="bullet">
/// <item><b>bare</b>: the site is the SYSCALL and what follows, which moves into the trampoline. The next instruction
/// began at offset 2, where now <c>e5</c> (IN, not for users) is; others may begin at offset 5 (<c>06</c>, no
/// instruction) or behind.</item>
/// <item><b>numbered</b>: the site is <c>mov $number,%eax; syscall</c>, and the SYSCALL was at offset 5.</item>
/// <item><b>numbered at length</b>: it is <c>mov $number,%rax; syscall</c> (glibc's and Go's signal return); the move
/// is
/// as long as the jump, and the SYSCALL behind it stays.</item>
/// <item><b>numbered ahead</b>: there are one or two moves between <c>mov $number,%eax</c> and the SYSCALL; they run in
/// the trampoline. The first began at offset 5. The SYSCALL stays, and may reach into the next page.</item>
/// </list>
/// </summary>
public readonly struct CallSite
{
    /// <summary>Size and alignment of a trampoline.</summary>
    public const int TrampolineBytes = 64;

    /// <summary>Bytes of the jump.</summary>
    public const int JumpBytes = 7;

    private const int SyscallBytes = 2;
    private const int NumberedSyscall = 5;
    private const int LongMove = 7;
    private const byte MoveToEax = 0xb8;
    private const int EntryOffset = 0;
    private const int LeaOffset = 5;
    private const int JumpOffset = 12;
    private const int SyscallOffset = 17;
    private const int TailOffset = 19;
    private const int LeaLength = 7;
    private const int JumpLength = 5;
    private const int MaxMoved = 24;
    private const int PageBytes = 4096;

    /// <summary>Length of the first instruction that moves, 0 for none.</summary>
    private readonly int _firstMoved;

    /// <summary>Bytes of moves between that of the number and the SYSCALL.</summary>
    private readonly int _ahead;

    private CallSite(ulong start, ulong after, int movedBytes, int firstMoved, int ahead = 0)
    {
        Start = start;
        After = after;
        MovedBytes = movedBytes;
        _firstMoved = firstMoved;
        _ahead = ahead;
    }

    /// <summary>The first replaced byte.</summary>
    public ulong Start { get; }

    /// <summary>Address behind the SYSCALL instruction.</summary>
    public ulong After { get; }

    /// <summary>Bytes behind that which are in the trampoline.</summary>
    public int MovedBytes { get; }

    /// <summary>Where the trampoline comes back to.</summary>
    public ulong End => After + (ulong)MovedBytes;

    /// <summary>Address of the SYSCALL instruction.</summary>
    public ulong SyscallAddress => After - SyscallBytes;

    /// <summary>Whether the number is part of the site.</summary>
    public bool IsNumbered => After - Start != SyscallBytes;

    /// <summary>Where a thread goes on whose call has not begun although it is beyond the trampoline.</summary>
    public ulong Resume => _ahead == 0 ? Start : SyscallAddress;

    /// <summary>
    /// Looks at the code around a SYSCALL that ends at <paramref name="after"/> and was executed with a number. The
    /// page is all that is known, and perhaps the byte behind it: what is replaced or moved lies in one page, and only
    /// the last byte of a SYSCALL that stays in another.
    /// </summary>
    public static bool TryFind(ReadOnlySpan<byte> page, ulong pageAddress, ulong after, uint number, out CallSite site)
    {
        site = default;
        int at = (int)(after - pageAddress) - SyscallBytes;
        if (at < 0 || at + SyscallBytes > page.Length || page[at] != 0x0f || page[at + 1] != 0x05)
        {
            return false;
        }
        page = page[..int.Min(page.Length, PageBytes)];
        ReadOnlySpan<byte> behind = page[int.Min(at + SyscallBytes, page.Length)..];
        int moved = Movable(behind);
        if (moved > 0)
        {
            site = new CallSite(after - SyscallBytes, after, moved, LengthOf(behind));
            return true;
        }
        bool fits = at + SyscallBytes <= page.Length;
        int length = fits && IsNumberedAt(page, at - NumberedSyscall, number) ? NumberedSyscall
            : IsLongNumberedAt(page, at - LongMove, number) ? LongMove : 0;
        int ahead = 0;
        int first = 0;
        if (length == 0 && IsNumberedAhead(page, at, number, out ahead, out first))
        {
            length = NumberedSyscall + ahead;
        }
        site = length == 0 ? default : new CallSite(after - SyscallBytes - (ulong)length, after, 0, first, ahead);
        return length != 0;
    }

    /// <summary>
    /// Looks for the first site from an offset in a page at address 0 on that is told by its looks alone, without a
    /// trap: a SYSCALL in front of the comparison of its result with the errors, or a function that is nothing but a
    /// number, the SYSCALL and a return. No other code and no likely data looks like these eight or nine bytes.
    /// <paramref name="from"/> becomes the offset behind it.
    /// </summary>
    public static bool TryForesee(ReadOnlySpan<byte> page, ref int from, out CallSite site)
    {
        ReadOnlySpan<byte> instruction = [0x0f, 0x05];
        site = default;
        while (page[from..].IndexOf(instruction) is var distance && distance >= 0)
        {
            int at = from + distance;
            from = at + SyscallBytes;
            bool looksLike = IsFunction(page, at, out uint number) || ComparesResult(page[from..]);
            if (looksLike && TryFind(page, 0, (ulong)from, number, out site))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The number that the site sets in a page that is not patched there; none if it sets none.</summary>
    public uint? NumberIn(ReadOnlySpan<byte> page) =>
        IsNumbered ? BinaryPrimitives.ReadUInt32LittleEndian(page[NumberOffset..]) : null;

    /// <summary>The site of a page at address 0 as it is at another.</summary>
    public CallSite At(ulong pageAddress) =>
        new(pageAddress + Start, pageAddress + After, MovedBytes, _firstMoved, _ahead);

    /// <summary>The bytes that the jump replaces, in a page that is not patched there.</summary>
    public byte[] BytesIn(ReadOnlySpan<byte> page) => page.Slice((int)(Start & 4095), JumpBytes).ToArray();

    /// <summary>Undoes <see cref="WriteJump"/>.</summary>
    public void WriteBack(Span<byte> page, ReadOnlySpan<byte> bytes) => bytes.CopyTo(page[(int)(Start & 4095)..]);

    /// <summary>Replaces the site in a copy of its page by a jump through an entry of the table.</summary>
    public void WriteJump(Span<byte> page, int index)
    {
        Span<byte> jump = stackalloc byte[JumpBytes];
        jump[0] = 0xff;
        jump[1] = 0x24;
        jump[2] = 0xe5;
        uint entry = (uint)(SystrapLayout.TableAddress + ((ulong)index * sizeof(ulong)));
        BinaryPrimitives.WriteUInt32LittleEndian(jump[3..], entry);
        jump.CopyTo(page[(int)(Start & 4095)..]);
    }

    /// <summary>
    /// Makes the trampoline: the number if it is part of the site, the address to return to into r11, the jump to the
    /// stub's code, the SYSCALL for those the stub does not serve, what moved, the jump back. The address for that is
    /// at the end, aligned: the program may have asked for alignment checks (EFLAGS.AC).
    /// </summary>
    public void WriteTrampoline(ReadOnlySpan<byte> page, Span<byte> trampoline, ulong address, ulong stubCode)
    {
        ReadOnlySpan<byte> nop = [0x0f, 0x1f, 0x44, 0x00, 0x00];
        ReadOnlySpan<byte> lea = [0x4c, 0x8d, 0x1d];
        ReadOnlySpan<byte> jumpBack = [0xff, 0x25, 0, 0, 0, 0];
        int start = (int)(Start & 4095);
        int after = start + (int)(After - Start);
        trampoline[..TrampolineBytes].Fill(0xcc);
        nop.CopyTo(trampoline[EntryOffset..]);
        if (IsNumbered)
        {
            trampoline[EntryOffset] = MoveToEax;
            page.Slice(NumberOffset, sizeof(uint) + _ahead).CopyTo(trampoline[(EntryOffset + 1)..]);
            trampoline = trampoline[_ahead..];
            address += (ulong)_ahead;
        }
        lea.CopyTo(trampoline[LeaOffset..]);
        BinaryPrimitives.WriteInt32LittleEndian(
            trampoline[(LeaOffset + lea.Length)..], TailOffset - (LeaOffset + LeaLength));
        trampoline[JumpOffset] = 0xe9;
        int distance = (int)(long)(stubCode - (address + JumpOffset + JumpLength));
        BinaryPrimitives.WriteInt32LittleEndian(trampoline[(JumpOffset + 1)..], distance);
        trampoline[SyscallOffset] = 0x0f;
        trampoline[SyscallOffset + 1] = 0x05;
        page.Slice(int.Min(after, page.Length), MovedBytes).CopyTo(trampoline[TailOffset..]);
        int end = TailOffset + MovedBytes + jumpBack.Length;
        int target = TrampolineBytes - sizeof(ulong) - _ahead;
        jumpBack.CopyTo(trampoline[(end - jumpBack.Length)..]);
        BinaryPrimitives.WriteInt32LittleEndian(trampoline[(end - sizeof(int))..], target - end);
        BinaryPrimitives.WriteUInt64LittleEndian(trampoline[target..], End);
    }

    /// <summary>Where a thread in the trampoline is from the guest's point of view.</summary>
    public ulong Logical(int offset)
    {
        if (offset < SyscallOffset + _ahead)
        {
            return _ahead == 0 || offset < LeaOffset ? Start : Start + (ulong)int.Min(offset, LeaOffset + _ahead);
        }
        offset -= _ahead;
        int behind = int.Min(offset - TailOffset, MovedBytes);
        return behind < 0 ? After - SyscallBytes : After + (ulong)behind;
    }

    /// <summary>Whether two sites have bytes in common, as they were or as jumps.</summary>
    public bool Overlaps(in CallSite other) =>
        Start < ulong.Max(other.End, other.Start + JumpBytes) && other.Start < ulong.Max(End, Start + JumpBytes);

    /// <summary>Whether an address is one that the site's code stands at no more.</summary>
    public bool Hides(ulong address) => address > Start && address < ulong.Max(End, Start + JumpBytes);

    /// <summary>Whether an instruction of the site begins at an address; the bytes between have no place in the
    /// trampoline.</summary>
    public bool Begins(ulong address) => address == Start || address == SyscallAddress ||
        (MovedBytes > 0 && (address == After || address == After + (ulong)_firstMoved)) ||
        (_ahead > 0 && (address == Start + LeaOffset || address == Start + LeaOffset + (ulong)_firstMoved));

    /// <summary>
    /// Offset in the trampoline of an instruction that the site hides, or of its first one for a thread that steps: the
    /// SYSCALL there traps and does nothing else.
    /// </summary>
    public int OffsetOf(ulong address) => address == SyscallAddress ? SyscallOffset + _ahead :
        address < SyscallAddress ? (int)(address - Start) : TailOffset + _ahead + (int)(long)(address - After);

    /// <summary>Where in its page the number is.</summary>
    private int NumberOffset =>
        (int)((_ahead > 0 ? Start + NumberedSyscall : SyscallAddress) & (PageBytes - 1)) - sizeof(uint);

    /// <summary>Whether RAX or EAX is compared there with the greatest result that is no error.</summary>
    private static bool ComparesResult(ReadOnlySpan<byte> code)
    {
        const byte Compare = 0x3d;
        int prefix = code.Length > 0 && code[0] == 0x48 ? 1 : 0;
        return code.Length >= prefix + 1 + sizeof(int) && code[prefix] == Compare
            && BinaryPrimitives.ReadUInt32LittleEndian(code[(prefix + 1)..]) is 0xfffff000 or 0xfffff001;
    }

    /// <summary>Whether the SYSCALL at an offset is the middle of <c>mov $number,%eax; syscall; ret</c>.</summary>
    private static bool IsFunction(ReadOnlySpan<byte> page, int at, out uint number)
    {
        const byte Return = 0xc3;
        bool fits = at >= NumberedSyscall && at + SyscallBytes < page.Length && page[at + SyscallBytes] == Return;
        number = fits ? BinaryPrimitives.ReadUInt32LittleEndian(page[(at - sizeof(uint))..]) : uint.MaxValue;
        return number < SystrapLayout.Numbers;
    }

    /// <summary>
    /// How many bytes of instructions, from the start of <paramref name="code"/>, can run elsewhere and make room for
    /// the jump; 0 if there is an instruction that cannot, or one that begins where no byte can trap.
    /// </summary>
    private static int Movable(ReadOnlySpan<byte> code)
    {
        const int Room = JumpBytes - SyscallBytes;
        const int TrappingByte = 3;         // offset 5 of the site
        int at = 0;
        while (at < Room)
        {
            if (at != 0 && at != TrappingByte)
            {
                return 0;
            }
            int length = LengthOf(code[at..]);
            if (length == 0)
            {
                return 0;
            }
            at += length;
        }
        return at <= MaxMoved && at <= code.Length ? at : 0;
    }

    /// <summary>
    /// Whether <c>mov $number,%eax</c> stands in front of a SYSCALL at an offset, with one or two moves between them
    /// that the jump does not cut in another place than behind its fifth byte.
    /// </summary>
    private static bool IsNumberedAhead(ReadOnlySpan<byte> page, int at, uint number, out int ahead, out int first)
    {
        const int LeastAhead = JumpBytes - NumberedSyscall;
        const int MostAhead = 12;
        first = 0;
        for (ahead = LeastAhead; ahead <= MostAhead; ahead++)
        {
            int start = at - ahead - NumberedSyscall;
            if (!IsNumberedAt(page, start, number))
            {
                continue;
            }
            ReadOnlySpan<byte> moves = page.Slice(start + NumberedSyscall, ahead);
            first = MoveLengthOf(moves);
            if (first == ahead || (first > 0 && MoveLengthOf(moves[first..]) == ahead - first))
            {
                return true;
            }
        }
        ahead = 0;
        return false;
    }

    /// <summary>Length of a move between registers, or of a constant to one; 0 for anything else.</summary>
    private static int MoveLengthOf(ReadOnlySpan<byte> code)
    {
        const byte MoveConstant = 0xb8;
        int prefix = code.Length > 0 && code[0] is >= 0x40 and < 0x48 ? 1 : 0;
        bool isConstant = code.Length >= prefix + 1 + sizeof(int) && (code[prefix] & 0xf8) == MoveConstant;
        return isConstant ? prefix + 1 + sizeof(int) : LengthOf(code);
    }

    /// <summary>
    /// Length of an instruction that only deals with general registers and constants, in the forms compilers put behind
    /// system calls; 0 for any other. A test that reaches into the bytes of the next page is none.
    /// </summary>
    private static int LengthOf(ReadOnlySpan<byte> code)
    {
        int prefix = code.Length > 0 && (code[0] & 0xf0) == 0x40 ? 1 : 0;
        if (code.Length < prefix + 2)
        {
            return 0;
        }
        byte operation = code[prefix];
        bool registers = (code[prefix + 1] & 0xc0) == 0xc0;
        int length = operation switch
        {
            0x3d => 1 + sizeof(int),                                        // cmp $imm32,%rax
            0x89 or 0x8b or 0x85 or 0x31 or 0x39 or 0x3b when registers => 2,  // mov, test, xor, cmp
            0x83 when registers => 2 + sizeof(byte),                        // arithmetic with imm8
            0x81 when registers => 2 + sizeof(int),                         // arithmetic with imm32
            0xf7 when registers && (code[prefix + 1] & 0x38) is 0x10 or 0x18 => 2,   // not, neg
            _ => 0,
        };
        return length == 0 || code.Length < prefix + length ? 0 : prefix + length;
    }

    /// <summary>
    /// Whether <c>mov $number,%eax</c> begins there. What looks like it may be the end of a longer instruction that
    /// holds the same number; those that compilers make are recognised by what stands before.
    /// </summary>
    private static bool IsNumberedAt(ReadOnlySpan<byte> page, int at, uint number)
    {
        const int LookBack = 3;
        if (at < LookBack || page[at] != MoveToEax
            || BinaryPrimitives.ReadUInt32LittleEndian(page[(at + 1)..]) != number)
        {
            return false;
        }
        bool extended = (page[at - 1] & 0xf0) == 0x40 || page[at - 1] == 0x66;
        ReadOnlySpan<byte> before = page.Slice(at - LookBack, LookBack);
        return !extended && before.IndexOfAny<byte>(0xc7, 0x81, 0x69) < 0;
    }

    /// <summary>Whether <c>mov $number,%rax</c> begins there, without prefixes that would become the
    /// jump's.</summary>
    private static bool IsLongNumberedAt(ReadOnlySpan<byte> page, int at, uint number)
    {
        ReadOnlySpan<byte> move = [0x48, 0xc7, 0xc0];
        ReadOnlySpan<byte> prefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
        return at >= 1 && number <= int.MaxValue && page[at..].StartsWith(move)
            && BinaryPrimitives.ReadUInt32LittleEndian(page[(at + move.Length)..]) == number
            && !prefixes.Contains(page[at - 1]);
    }
}
