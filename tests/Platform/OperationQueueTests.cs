using System;
using Abi.Linux;
using global::Platform;
using global::Platform.Stubs;
using Stub;
using Xunit;

namespace Tests.Platform;

/// <summary>The queue of changes against a host that allows few mappings.</summary>
public sealed class OperationQueueTests
{
    private const int Pages = 32;
    private const ulong PageBytes = 4096;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_split_that_the_host_refuses_costs_the_translations_and_not_the_process(bool protects)
    {
        var host = new FewMappings(most: 4);
        var queue = new OperationQueue();
        Map(queue, 0, 20);
        Flush(queue, host);
        for (ulong page = 2; page < 12; page += 2)
        {
            bool isMapped = protects
                ? queue.Protect(page * PageBytes, (page + 1) * PageBytes, MemoryAccess.Read)
                : queue.Unmap(page * PageBytes, (page + 1) * PageBytes);
            Assert.Equal(!queue.HasDropped, isMapped);
            Flush(queue, host);
        }
        Assert.True(queue.HasDropped);
        Assert.False(queue.IsMapped(0, Pages * PageBytes));
        Assert.Equal(0, host.Count);
        Map(queue, 5, 7);
        Flush(queue, host);
        Assert.Equal(1, host.Count);
    }

    [Fact]
    public void Room_can_be_made()
    {
        var host = new FewMappings(most: 4);
        var queue = new OperationQueue();
        Map(queue, 0, 1);
        Map(queue, 2, 3);
        Flush(queue, host);
        Assert.Equal(2, host.Count);
        Assert.True(queue.TryMakeRoom(host, Pages * PageBytes));
        Assert.True(queue.HasDropped);
        Assert.Equal(0, host.Count);
        Assert.False(queue.IsMapped(0, Pages * PageBytes));
    }

    [Fact]
    public void A_map_that_the_host_refuses_costs_nothing_but_itself()
    {
        var host = new FewMappings(most: 4);
        var queue = new OperationQueue();
        Map(queue, 0, 3);
        Flush(queue, host);
        Map(queue, 0, 2, FewMappings.Refused);
        Map(queue, 8, 9);
        Flush(queue, host);
        Assert.Equal(2, host.Count);
        Assert.False(host.Has(0));
        Assert.True(host.Has(2) && host.Has(8));
        Assert.True(queue.WasRefused(PageBytes, 2 * PageBytes));
        Assert.False(queue.WasRefused(2 * PageBytes, Pages * PageBytes));

        // Who asks again is told.
        Map(queue, 1, 2, FewMappings.Refused);
        Assert.Equal(Errno.ENODEV, queue.Flush(host, Pages * PageBytes, lastIsCallers: true, out string? problem));
        Assert.Null(problem);
        queue.Unmap(0, 2 * PageBytes);
        Flush(queue, host);
        Assert.False(queue.WasRefused(0, Pages * PageBytes));
    }

    private static void Map(OperationQueue queue, ulong start, ulong end, int fd = -1) => queue.Map(new SpaceOperation
    {
        Kind = SpaceOperationKind.Map, Access = MemoryAccess.Read | MemoryAccess.Write, Fd = fd, IsFdLent = true,
        Start = start * PageBytes, End = end * PageBytes,
    });

    private static void Flush(OperationQueue queue, IScriptRunner host)
    {
        Assert.Equal(Errno.None, queue.Flush(host, Pages * PageBytes, lastIsCallers: false, out string? problem));
        Assert.Null(problem);
        Assert.Equal(0, queue.Count);
    }

    /// <summary>An address space of some pages in which a change that makes too many mappings finds no
    /// memory.</summary>
    private sealed class FewMappings(int most) : IScriptRunner
    {
        /// <summary>The descriptor of a file that cannot be mapped.</summary>
        public const int Refused = 77;

        private readonly ScriptEntry[] _script = new ScriptEntry[8];

        /// <summary>What distinguishes the mapping of a page from its neighbours; 0 for none.</summary>
        private int[] _pages = new int[Pages];
        private int _made;

        public int MaxEntries => _script.Length;

        /// <summary>Mappings there are.</summary>
        public int Count => CountOf(_pages);

        public bool Has(int page) => _pages[page] != 0;

        public void Write(int index, in ScriptEntry entry) => _script[index] = entry;

        public ScriptOutcome Run(int count)
        {
            for (int i = 0; i < count; i++)
            {
                if (_script[i].Number == SysNr.mmap && _script[i].A4 == Refused)
                {
                    return new ScriptOutcome { Done = i, Error = Errno.ENODEV };
                }
                if (!TryMake(in _script[i]))
                {
                    return new ScriptOutcome { Done = i, Error = Errno.ENOMEM };
                }
            }
            return new ScriptOutcome { Done = count };
        }

        private bool TryMake(in ScriptEntry entry)
        {
            int[] after = (int[])_pages.Clone();
            Span<int> range = after.AsSpan((int)(entry.A0 / PageBytes), (int)(entry.A1 / PageBytes));
            range.Fill(entry.Number == SysNr.munmap ? 0 : ++_made);
            int count = CountOf(after);
            if (count > most && count > Count)
            {
                return false;
            }
            _pages = after;
            return true;
        }

        private static int CountOf(int[] pages)
        {
            int count = 0;
            int before = 0;
            foreach (int page in pages)
            {
                count += page != 0 && page != before ? 1 : 0;
                before = page;
            }
            return count;
        }
    }
}
