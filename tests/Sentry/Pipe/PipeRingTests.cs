using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Fs.Pipe;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;
using Xunit;

namespace Tests.Sentry.Pipe;

/// <summary>The ring of a pipe against a queue of bytes, and the rules of pipe(7) that do not need a task.</summary>
public sealed class PipeRingTests
{
    private const int PageBytes = 4096;

    private readonly PipeRing _ring = NewRing();

    [Fact]
    public void Bytes_come_out_in_order()
    {
        Assert.Equal((Errno.None, 5), Write(_ring, [1, 2, 3, 4, 5]));
        Assert.Equal([1, 2], Read(_ring, 2));
        Assert.Equal([3, 4, 5], Read(_ring, 100));
    }

    [Fact]
    public void An_empty_pipe_blocks_with_a_writer_and_ends_without()
    {
        Assert.Equal(Errno.EAGAIN, TryRead(_ring));
        _ring.Detach(PipeAccess.Write);
        Assert.Equal(Errno.None, TryRead(_ring));
        Assert.Equal(Epoll.EPOLLHUP, _ring.Poll(PipeAccess.Read, null));
    }

    [Fact]
    public void Who_was_there_is_told_before_anybody_is_woken()
    {
        PipeRing ring = new();
        Assert.True(ring.Attach(PipeAccess.Write, out uint readerOpens));
        Assert.Equal(0u, readerOpens);
        Leaver leaver = new(ring) { Events = uint.MaxValue };
        ring.OpenQueue.Add(leaver);
        Assert.False(ring.Attach(PipeAccess.Read, out uint writerOpens));
        Assert.Equal(1u, writerOpens);
        ring.OpenQueue.Remove(leaver);
        Assert.True(ring.Attach(PipeAccess.Read, out _));
    }

    [Fact]
    public void Writing_without_a_reader_is_a_broken_pipe()
    {
        _ring.Detach(PipeAccess.Read);
        Assert.Equal(Errno.EPIPE, Write(_ring, [1]).Error);
        Assert.NotEqual(0u, _ring.Poll(PipeAccess.Write, null) & Epoll.EPOLLERR);
    }

    [Fact]
    public void A_write_of_a_page_is_whole_or_not_at_all()
    {
        Assert.Equal((Errno.EAGAIN, 16 * PageBytes), Write(_ring, new byte[(16 * PageBytes) + 1]));
        Read(_ring, 1000);
        Assert.Equal((Errno.EAGAIN, 0), Write(_ring, new byte[PageBytes]));
        Read(_ring, PageBytes - 1000);
        Assert.Equal((Errno.None, PageBytes), Write(_ring, new byte[PageBytes]));
    }

    [Fact]
    public void Single_bytes_fill_the_whole_capacity()
    {
        int count = 0;
        while (Write(_ring, [7]).Error == Errno.None)
        {
            count++;
        }

        Assert.Equal(16 * PageBytes, count);
    }

    [Fact]
    public void A_packet_is_one_read_and_its_rest_is_lost()
    {
        Write(_ring, [1, 2, 3], PipeMode.Packet);
        Write(_ring, [4, 5], PipeMode.Packet);
        Assert.Equal([1, 2], Read(_ring, 2));
        Assert.Equal([4, 5], Read(_ring, 10));
    }

    [Fact]
    public void A_smaller_capacity_than_the_content_is_busy()
    {
        Write(_ring, new byte[3 * PageBytes]);
        Assert.Equal(Errno.EBUSY, _ring.Resize(2));
        Assert.Equal(Errno.None, _ring.Resize(4));
        Assert.Equal(4 * PageBytes, _ring.CapacityBytes);
        Assert.Equal((Errno.EAGAIN, PageBytes), Write(_ring, new byte[2 * PageBytes]));
    }

    [Fact]
    public void Tee_shares_pages_and_later_writes_do_not_show()
    {
        PipeRing other = NewRing();
        Write(_ring, [1, 2, 3]);
        Assert.Equal(Errno.None, _ring.TransferTo(other, PipeTransfer.Duplicate, 100, out long done));
        Assert.Equal(3, done);
        Write(_ring, [4]);
        Write(other, [9]);
        Assert.Equal([1, 2, 3, 4], Read(_ring, 10));
        Assert.Equal([1, 2, 3, 9], Read(other, 10));
    }

    [Fact]
    public void Moving_between_pipes_takes_what_was_asked()
    {
        PipeRing other = NewRing();
        Write(_ring, [1, 2, 3, 4]);
        _ring.TransferTo(other, PipeTransfer.Move, 3, out long done);
        Assert.Equal(3, done);
        Assert.Equal([1, 2, 3], Read(other, 10));
        Assert.Equal([4], Read(_ring, 10));
    }

    [Fact]
    public void Random_operations_agree_with_a_queue()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        Queue<byte> model = new();
        for (int i = 0; i < 20000; i++)
        {
            if (random.Next(2) == 0)
            {
                byte[] bytes = new byte[random.Next(1, 9000)];
                random.NextBytes(bytes);
                int written = Write(_ring, bytes).Done;
                for (int b = 0; b < written; b++)
                {
                    model.Enqueue(bytes[b]);
                }
            }
            else
            {
                foreach (byte value in Read(_ring, random.Next(1, 9000)))
                {
                    Assert.True(model.Dequeue() == value, "seed " + seed);
                }
            }

            Assert.True(_ring.Available() == model.Count, "seed " + seed);
        }
    }

    private static PipeRing NewRing()
    {
        PipeRing ring = new();
        ring.Attach(PipeAccess.ReadWrite, out _);
        return ring;
    }

    private static (Errno Error, int Done) Write(PipeRing ring, byte[] bytes, PipeMode mode = PipeMode.Stream)
    {
        IoSequence source = IoSequence.FromBuffer(bytes);
        Errno error = ring.Write(ref source, mode, out long done);
        return (error, (int)done);
    }

    private static Errno TryRead(PipeRing ring)
    {
        IoSequence destination = IoSequence.FromBuffer(new byte[1]);
        return ring.Read(ref destination, out _);
    }

    private static byte[] Read(PipeRing ring, int room)
    {
        byte[] buffer = new byte[room];
        IoSequence destination = IoSequence.FromBuffer(buffer);
        ring.Read(ref destination, out long done);
        return buffer[..(int)done];
    }

    /// <summary>A writer that closes as soon as a reader has opened, before the reader goes on.</summary>
    private sealed class Leaver(PipeRing ring) : WaitEntry
    {
        public override bool OnNotify(uint events)
        {
            Thread thread = new(() => ring.Detach(PipeAccess.Write));
            thread.Start();
            thread.Join();
            return true;
        }
    }
}
