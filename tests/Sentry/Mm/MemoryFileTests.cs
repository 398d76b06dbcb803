using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Sentry.Mm;
using Xunit;
using Xunit.Abstractions;

namespace Tests.Sentry.Mm;

/// <summary>Allocation, references, reuse and accounting of the memory file.</summary>
public sealed class MemoryFileTests(ITestOutputHelper output)
{
    private const ulong Page = GuestAddress.PageSize;

    [Fact]
    public void Pages_read_as_zero_also_after_reuse()
    {
        using MemoryFile file = Make(ulong.MaxValue);
        byte[] buffer = new byte[Page];
        for (int round = 0; round < 50; round++)
        {
            Assert.Equal(Errno.None, file.Allocate(8 * Page, MemoryKind.Anonymous, out MemoryFileRange range));
            for (ulong i = 0; i < 8; i++)
            {
                file.Read(range.Offset + (i * Page), buffer);
                Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept((byte)0));
                Array.Fill(buffer, (byte)0xaa);
                file.Write(range.Offset + (i * Page), buffer);
            }

            file.DropReference(range.Offset, range.LengthBytes);
            if (round % 7 == 0)
            {
                file.GiveBackNow();
            }
        }
    }

    [Fact]
    public void Freed_memory_goes_back_to_the_host()
    {
        using MemoryFile file = Make(ulong.MaxValue);
        const ulong Bytes = 8ul << 20;
        Assert.Equal(Errno.None, file.Allocate(Bytes, MemoryKind.Anonymous, out MemoryFileRange range));
        Assert.Equal(0ul, range.Offset % (2ul << 20));
        ulong before = file.UsedBytes;
        for (ulong at = 0; at < Bytes; at += Page)
        {
            file.Write(range.Offset + at, [1]);
        }

        Assert.Equal(before + Bytes, file.UsedBytes);
        file.DropReference(range.Offset, range.LengthBytes);
        file.GiveBackNow();
        Assert.Equal(before, file.UsedBytes);
        Assert.Equal(0ul, file.AllocatedBytes(MemoryKind.Anonymous));
    }

    [Fact]
    public void The_limit_counts_what_is_touched()
    {
        using MemoryFile file = Make(4ul << 20);
        Assert.Equal(Errno.None, file.Allocate(4ul << 20, MemoryKind.Anonymous, out MemoryFileRange range));
        Assert.Equal(Errno.None, file.Allocate(4ul << 20, MemoryKind.Anonymous, out _));
        for (ulong at = 0; at < 4ul << 20; at += Page)
        {
            file.Write(range.Offset + at, [1]);
        }

        Assert.Equal(Errno.ENOMEM, file.Allocate(Page, MemoryKind.Anonymous, out _));
        file.DropReference(range.Offset, range.LengthBytes);
        Assert.Equal(Errno.None, file.Allocate(Page, MemoryKind.Anonymous, out _));
    }

    [Fact]
    public void A_part_keeps_its_own_limit_and_that_of_the_whole()
    {
        const ulong Piece = 4ul << 20;
        using MemoryFile whole = Make(3 * Piece);
        MemoryFile part = TakePart(whole, Piece);
        Fill(part, Piece);
        Assert.Equal(Errno.ENOMEM, part.Allocate(Page, MemoryKind.Anonymous, out _));
        Assert.Same(part, part.Tighter);
        Assert.Same(part, part.Smaller);
        Fill(whole, Piece);
        Assert.Equal(Piece, part.UsedBytes);
        Assert.Equal(2 * Piece, whole.UsedBytes);
        Assert.Equal(2 * Piece, whole.AllocatedBytes(MemoryKind.Anonymous));

        part.LimitBytes = ulong.MaxValue;
        Fill(part, Piece);
        Assert.Equal(Errno.ENOMEM, part.Allocate(Page, MemoryKind.Anonymous, out _));
        Assert.Equal(Errno.ENOMEM, whole.Allocate(Page, MemoryKind.Anonymous, out _));
        Assert.Same(whole, part.Tighter);
        Assert.Same(whole, part.Smaller);
        Assert.Equal(3 * Piece, part.LimitBytes);
    }

    [Fact]
    public void A_part_serves_again_once_nobody_holds_memory_of_it()
    {
        using MemoryFile whole = Make(ulong.MaxValue);
        MemoryFile first = TakePart(whole, Page);
        MemoryFileRange held = Fill(first, Page);
        whole.ReturnPart(first);
        MemoryFile second = TakePart(whole, ulong.MaxValue);
        Assert.NotSame(first, second);
        first.DropReference(held.Offset, held.LengthBytes);
        MemoryFile third = TakePart(whole, 2 * Page);
        Assert.Same(first, third);
        Assert.Equal(0ul, third.UsedBytes);
        Assert.Equal(2 * Page, third.LimitBytes);
        Assert.NotSame(third, TakePart(whole, Page));
    }

    [Fact]
    public void Random_allocations_never_overlap_and_references_count()
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        using MemoryFile file = Make(ulong.MaxValue);
        Dictionary<ulong, int> model = [];
        List<MemoryFileRange> held = [];
        for (int step = 0; step < 20000; step++)
        {
            Step(random, file, model, held);
        }

        foreach ((ulong page, int count) in model)
        {
            Assert.Equal(count, file.ReferenceCount(page));
        }
    }

    private static void Step(Random random, MemoryFile file, Dictionary<ulong, int> model, List<MemoryFileRange> held)
    {
        int choice = random.Next(10);
        if (choice < 3 || held.Count == 0)
        {
            int pages = random.Next(8) == 0 ? 1 + random.Next(1500) : 1 + random.Next(40);
            PageContent content = random.Next(2) == 0 ? PageContent.Zero : PageContent.WillOverwrite;
            Errno error = file.Allocate((ulong)pages * Page, MemoryKind.Anonymous, content, out MemoryFileRange range);
            Assert.Equal(Errno.None, error);
            Move(model, range, 1, expectedBefore: 0);
            held.Add(range);
            return;
        }

        int index = random.Next(held.Count);
        MemoryFileRange some = held[index];
        if (choice < 5)
        {
            file.AddReference(some.Offset, some.LengthBytes);
            Move(model, some, 1, expectedBefore: -1);
            held.Add(some);
        }
        else
        {
            file.DropReference(some.Offset, some.LengthBytes);
            Move(model, some, -1, expectedBefore: -1);
            held.RemoveAt(index);
        }

        if (choice == 9 && random.Next(50) == 0)
        {
            file.GiveBackNow();
        }
    }

    private static void Move(Dictionary<ulong, int> model, MemoryFileRange range, int delta, int expectedBefore)
    {
        for (ulong at = range.Offset; at < range.Offset + range.LengthBytes; at += Page)
        {
            int before = model.GetValueOrDefault(at);
            Assert.True(expectedBefore < 0 || before == expectedBefore, "page handed out twice");
            model[at] = before + delta;
        }
    }

    private static MemoryFile TakePart(MemoryFile whole, ulong limit)
    {
        Assert.Equal(Errno.None, MemoryFile.CreateBacking(out HostFd backing));
        Assert.Equal(Errno.None, whole.TakePart(backing, limit, out MemoryFile? part));
        return part!;
    }

    private static MemoryFileRange Fill(MemoryFile file, ulong bytes)
    {
        Assert.Equal(Errno.None, file.Allocate(bytes, MemoryKind.Anonymous, out MemoryFileRange range));
        for (ulong at = 0; at < bytes; at += Page)
        {
            file.Write(range.Offset + at, [1]);
        }

        return range;
    }

    private static MemoryFile Make(ulong limit)
    {
        Assert.Equal(Errno.None, MemoryFile.Create(16ul << 30, limit, out MemoryFile? file));
        return file!;
    }
}
