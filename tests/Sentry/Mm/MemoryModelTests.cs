using System;
using System.Collections.Generic;
using System.Linq;
using Abi.Linux;
using Platform;
using Sentry.Mm;
using Xunit;
using Xunit.Abstractions;

namespace Tests.Sentry.Mm;

/// <summary>
/// Random programs: mappings, forks, stores, advice, moves and exits of up to four processes against a model that
/// holds one byte per
/// page. Translations must never outlive the references of the memory they reach.
/// </summary>
public sealed class MemoryModelTests(ITestOutputHelper output)
{
    private const ulong Page = GuestAddress.PageSize;
    private const ulong Arena = 0x100000000;
    private const int ArenaPages = 600;
    private const int ObjectPages = 64;
    private const MemoryAccess ReadWrite = MemoryAccess.Read | MemoryAccess.Write;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_programs_agree_with_the_model(int extra)
    {
        int seed = unchecked(Environment.TickCount * 5) + extra;
        output.WriteLine($"seed {seed}");
        Assert.Equal(Errno.None, MemoryFile.Create(4ul << 30, ulong.MaxValue, out MemoryFile? file));
        using MemoryFile memory = file!;
        World world = new(memory, new Random(seed));
        for (int step = 0; step < 4000; step++)
        {
            world.Step();
            if (step % 50 == 0)
            {
                world.CheckAll();
            }
        }

        world.End();
        Assert.Equal(0ul, memory.AllocatedBytes(MemoryKind.Anonymous));
        Assert.Equal(0ul, memory.AllocatedBytes(MemoryKind.Shared));
    }

    /// <summary>A page of the model: what a load sees and what the mapping allows.</summary>
    private sealed class Cell
    {
        internal byte Value;
        internal MemoryAccess Access;
        internal int ObjectPage = -1;
        internal bool IsShared;
        internal bool IsCopied;
    }

    private sealed class Process(TestGuest guest)
    {
        internal readonly TestGuest Guest = guest;
        internal Dictionary<int, Cell> Cells = [];
    }

    private sealed class World
    {
        private readonly MemoryFile _file;
        private readonly Random _random;
        private readonly List<Process> _processes = [];
        private readonly SharedMemoryObject _shared;
        private readonly byte[] _sharedModel = new byte[ObjectPages];

        /// <summary>For private mappings: never written, because a private page may stop following the file before it
        /// is written itself.</summary>
        private readonly SharedMemoryObject _constant;

        internal World(MemoryFile file, Random random)
        {
            _file = file;
            _random = random;
            _shared = new SharedMemoryObject(file, ObjectPages * Page, SharedMemoryUse.File);
            _constant = new SharedMemoryObject(file, ObjectPages * Page, SharedMemoryUse.File);
            for (int page = 0; page < ObjectPages; page += 2)
            {
                byte[] bytes = new byte[Page];
                Array.Fill(bytes, (byte)page);
                IoSequence source = IoSequence.FromBuffer(bytes);
                Assert.Equal(Errno.None, _constant.Write(ref source, (ulong)page * Page, out _));
            }

            MemoryLayoutRequest layout = default;
            MemoryManager.Create(new TestPlatform(), file, new TestLimits(), in layout, out MemoryManager? mm);
            _processes.Add(new Process(new TestGuest(mm!, file)));
        }

        internal void Step()
        {
            Process process = _processes[_random.Next(_processes.Count)];
            int first = _random.Next(ArenaPages);
            int count = 1 + _random.Next(Math.Min(_random.Next(4) == 0 ? 200 : 12, ArenaPages - first));
            switch (_random.Next(12))
            {
                case 0:
                case 1:
                    Map(process, first, count);
                    break;
                case 2:
                    Unmap(process, first, count);
                    break;
                case 3:
                    Protect(process, first, count);
                    break;
                case 4:
                    Fork(process);
                    break;
                case 5:
                    Exit(process);
                    break;
                case 6:
                    Discard(process, first, count);
                    break;
                case 7:
                    Move(process, first, count);
                    break;
                case 8:
                    KernelStore(process, first, count);
                    break;
                default:
                    Touch(process, first, count);
                    break;
            }
        }

        internal void CheckAll()
        {
            foreach (Process process in _processes)
            {
                for (int page = 0; page < ArenaPages; page++)
                {
                    Check(process, page);
                }

                CheckTranslations(process);
            }
        }

        internal void End()
        {
            CheckAll();
            foreach (Process process in _processes)
            {
                process.Guest.Mm.DropUser();
            }

            _shared.DropOwner();
            _constant.DropOwner();
        }

        private static ulong At(int page) => Arena + ((ulong)page * Page);

        private byte Expected(Cell cell)
        {
            if (cell.ObjectPage < 0 || cell.IsCopied)
            {
                return cell.Value;
            }

            return cell.IsShared ? _sharedModel[cell.ObjectPage]
                : (byte)(cell.ObjectPage % 2 == 0 ? cell.ObjectPage : 0);
        }

        private void Check(Process process, int page)
        {
            process.Cells.TryGetValue(page, out Cell? cell);
            int signal = process.Guest.Load(At(page) + 17, out byte value);
            if (cell is null || cell.Access == MemoryAccess.None)
            {
                Assert.Equal(Signals.SIGSEGV, signal);
                return;
            }

            Assert.Equal(0, signal);
            Assert.Equal(Expected(cell), value);
        }

        private void CheckTranslations(Process process)
        {
            foreach ((ulong address, (int fd, ulong offset, MemoryAccess _)) in process.Guest.Space.Pages)
            {
                Assert.Equal(_file.HostFd, fd);
                Assert.True(_file.ReferenceCount(offset) > 0, $"translation of {address:x} reaches free memory");
            }
        }

        private void Map(Process process, int first, int count)
        {
            bool ofObject = _random.Next(2) == 0;
            bool shared = ofObject && _random.Next(2) == 0;
            int objectPage = _random.Next(ObjectPages);
            count = ofObject ? Math.Min(count, ObjectPages - objectPage) : count;
            MapRequest request = new()
            {
                Address = new GuestAddress(At(first)),
                LengthBytes = (ulong)count * Page,
                Placement = MapPlacement.Fixed,
                Access = ReadWrite,
                MaxAccess = ReadWrite,
                Flags = shared ? VmaFlags.Shared : VmaFlags.None,
                Mappable = !ofObject ? null : shared ? _shared : _constant,
                Offset = ofObject ? (ulong)objectPage * Page : 0,
            };
            Assert.Equal(Errno.None, process.Guest.Mm.Map(in request, out _));
            for (int i = 0; i < count; i++)
            {
                process.Cells[first + i] = new Cell
                {
                    Access = ReadWrite,
                    ObjectPage = ofObject ? objectPage + i : -1,
                    IsShared = shared,
                };
            }
        }

        private static void Unmap(Process process, int first, int count)
        {
            Assert.Equal(Errno.None, process.Guest.Mm.Unmap(new GuestAddress(At(first)), (ulong)count * Page));
            for (int i = 0; i < count; i++)
            {
                process.Cells.Remove(first + i);
            }
        }

        private void Protect(Process process, int first, int count)
        {
            MemoryAccess access = _random.Next(3) switch
            {
                0 => MemoryAccess.None,
                1 => MemoryAccess.Read,
                _ => ReadWrite,
            };
            Errno error = process.Guest.Mm.Protect(new GuestAddress(At(first)), (ulong)count * Page, access);
            bool whole = true;
            for (int i = 0; i < count && whole; i++)
            {
                whole = process.Cells.TryGetValue(first + i, out Cell? cell);
                if (whole)
                {
                    cell!.Access = access;
                }
            }

            Assert.Equal(whole ? Errno.None : Errno.ENOMEM, error);
        }

        private void Fork(Process process)
        {
            if (_processes.Count == 4)
            {
                return;
            }

            Assert.Equal(Errno.None, process.Guest.Mm.Fork(out MemoryManager? mm));
            Process child = new(new TestGuest(mm!, _file));
            foreach ((int page, Cell cell) in process.Cells)
            {
                child.Cells[page] = new Cell
                {
                    Value = cell.Value,
                    Access = cell.Access,
                    ObjectPage = cell.ObjectPage,
                    IsShared = cell.IsShared,
                    IsCopied = cell.IsCopied,
                };
            }

            _processes.Add(child);
        }

        private void Exit(Process process)
        {
            if (_processes.Count > 1 && _random.Next(2) == 0)
            {
                process.Guest.Mm.DropUser();
                _processes.Remove(process);
            }
        }

        private static void Discard(Process process, int first, int count)
        {
            GuestRange range = GuestRange.FromBounds(At(first), At(first + count));
            process.Guest.Mm.Advise(range, Mman.MADV_DONTNEED);
            foreach (Cell cell in CellsOf(process, first, count).Where(cell => !cell.IsShared))
            {
                cell.Value = 0;
                cell.IsCopied = false;
            }
        }

        private void Move(Process process, int first, int count)
        {
            List<Cell> cells = CellsOf(process, first, count).ToList();
            int target = _random.Next(ArenaPages - count);
            bool overlaps = target < first + count && first < target + count;
            RemapRequest request = new()
            {
                Address = new GuestAddress(At(first)),
                OldBytes = (ulong)count * Page,
                NewBytes = (ulong)count * Page,
                Flags = Mman.MREMAP_MAYMOVE | Mman.MREMAP_FIXED,
                NewAddress = new GuestAddress(At(target)),
                LockLimitBytes = ulong.MaxValue,
            };
            Errno error = process.Guest.Mm.Remap(in request, out _);
            if (overlaps)
            {
                Assert.Equal(Errno.EINVAL, error);
                return;
            }

            for (int i = 0; i < count; i++)
            {
                process.Cells.Remove(target + i);
            }

            if (error != Errno.None)
            {
                Assert.Equal(Errno.EFAULT, error);
                return;
            }

            Assert.Equal(count, cells.Count);
            for (int i = 0; i < count; i++)
            {
                process.Cells.Remove(first + i);
                process.Cells[target + i] = cells[i];
            }
        }

        private void KernelStore(Process process, int first, int count)
        {
            byte value = (byte)(1 + _random.Next(255));
            byte[] bytes = new byte[(ulong)count * Page];
            Array.Fill(bytes, value);
            Errno error = process.Guest.Mm.CopyOutPartial(new GuestAddress(At(first)), bytes, out int done);
            int pages = done / (int)Page;
            Assert.Equal(error == Errno.None ? count : pages, pages);
            for (int i = 0; i < pages; i++)
            {
                Write(process.Cells[first + i], value);
            }

            bool stops = !process.Cells.TryGetValue(first + pages, out Cell? next)
                || (next.Access & MemoryAccess.Write) == 0;
            Assert.True(error == Errno.None || stops);
        }

        private void Touch(Process process, int first, int count)
        {
            for (int i = 0; i < Math.Min(count, 20); i++)
            {
                int page = first + i;
                if (_random.Next(2) == 0)
                {
                    Check(process, page);
                    continue;
                }

                byte value = (byte)(1 + _random.Next(255));
                int signal = process.Guest.Store(At(page) + 17, value);
                process.Cells.TryGetValue(page, out Cell? cell);
                bool allowed = cell is not null && (cell.Access & MemoryAccess.Write) != 0;
                Assert.Equal(allowed ? 0 : Signals.SIGSEGV, signal);
                if (allowed)
                {
                    Write(cell!, value);
                }
            }
        }

        private void Write(Cell cell, byte value)
        {
            if (cell.IsShared)
            {
                _sharedModel[cell.ObjectPage] = value;
                return;
            }

            cell.Value = value;
            cell.IsCopied = true;
        }

        private static IEnumerable<Cell> CellsOf(Process process, int first, int count) =>
            Enumerable.Range(first, count)
            .Select(page => process.Cells.GetValueOrDefault(page)).OfType<Cell>();
    }
}
