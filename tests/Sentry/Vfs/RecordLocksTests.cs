using System;
using System.Collections.Generic;
using Sentry.Vfs;
using Xunit;
using Xunit.Abstractions;

namespace Tests.Sentry.Vfs;

/// <summary>The record locks of an inode against a table of what each owner holds on each byte.</summary>
public sealed class RecordLocksTests(ITestOutputHelper output)
{
    private const int Owners = 3;

    // The last byte of the table stands for all bytes up to the end of the file.
    private const int Cells = 40;

    private readonly object[] _owners = [new(), new(), new()];
    private readonly FileLockType[,] _model = new FileLockType[Owners, Cells];
    private readonly RecordLocks _locks = new();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Random_locks_agree_with_a_naive_model(int extra)
    {
        int seed = unchecked(Environment.TickCount * 3) + extra;
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        Clear();
        for (int step = 0; step < 5000; step++)
        {
            Change(random);
            CheckRanges();
            CheckConflicts(random);
        }
    }

    [Fact]
    public void A_range_cut_out_of_the_middle_leaves_two_locks()
    {
        object owner = new();
        Assert.False(_locks.Replace(new RecordLock(owner, FileLockType.Write, 0, long.MaxValue, 1)));
        Assert.True(_locks.Replace(new RecordLock(owner, FileLockType.None, 10, 19, 1)));
        List<RecordLock> left = [];
        _locks.CopyTo(left);
        Assert.Equal([new(owner, FileLockType.Write, 0, 9, 1), new(owner, FileLockType.Write, 20, long.MaxValue, 1)],
            left);
        Assert.Equal(2, _locks.Count);
    }

    private static long EndOf(int cell) => cell == Cells - 1 ? long.MaxValue : cell;

    private void Clear()
    {
        for (int owner = 0; owner < Owners; owner++)
        {
            for (int cell = 0; cell < Cells; cell++)
            {
                _model[owner, cell] = FileLockType.None;
            }
        }
    }

    private void Change(Random random)
    {
        int owner = random.Next(Owners);
        if (random.Next(50) == 0)
        {
            bool had = false;
            for (int cell = 0; cell < Cells; cell++)
            {
                had |= _model[owner, cell] != FileLockType.None;
                _model[owner, cell] = FileLockType.None;
            }

            Assert.Equal(had, _locks.RemoveOwner(_owners[owner]));
            return;
        }

        int first = random.Next(Cells);
        int last = Math.Min(Cells - 1, first + random.Next(8));
        FileLockType type = (FileLockType)random.Next(3);
        bool released = false;
        for (int cell = first; cell <= last; cell++)
        {
            FileLockType held = _model[owner, cell];
            released |= held != FileLockType.None && held != type;
            _model[owner, cell] = type;
        }

        Assert.Equal(released, _locks.Replace(new RecordLock(_owners[owner], type, first, EndOf(last), 1)));
    }

    private void CheckRanges()
    {
        List<RecordLock> all = [];
        _locks.CopyTo(all);
        Assert.Equal(all.Count, _locks.Count);
        for (int owner = 0; owner < Owners; owner++)
        {
            List<RecordLock> own = all.FindAll(held => ReferenceEquals(held.Owner, _owners[owner]));
            Assert.Equal(Runs(owner), own);
        }
    }

    private List<RecordLock> Runs(int owner)
    {
        List<RecordLock> runs = [];
        int cell = 0;
        while (cell < Cells)
        {
            int first = cell;
            FileLockType type = _model[owner, first];
            while (cell < Cells && _model[owner, cell] == type)
            {
                cell++;
            }

            if (type != FileLockType.None)
            {
                runs.Add(new RecordLock(_owners[owner], type, first, EndOf(cell - 1), 1));
            }
        }

        return runs;
    }

    private void CheckConflicts(Random random)
    {
        int asker = random.Next(Owners);
        int first = random.Next(Cells);
        int last = Math.Min(Cells - 1, first + random.Next(8));
        FileLockType type = (FileLockType)random.Next(2);
        bool expected = false;
        for (int owner = 0; owner < Owners; owner++)
        {
            for (int cell = first; cell <= last && owner != asker; cell++)
            {
                FileLockType held = _model[owner, cell];
                expected |= held == FileLockType.Write || (held == FileLockType.Read && type == FileLockType.Write);
            }
        }

        RecordLock wanted = new(_owners[asker], type, first, EndOf(last), 1);
        Assert.Equal(expected, _locks.TryFindConflict(in wanted, out RecordLock conflict));
        Assert.True(!expected || conflict.ConflictsWith(in wanted));
    }
}
