using System.Collections.Generic;
using System.Threading;
using Platform.Systrap;
using Xunit;

namespace Tests.Platform;

/// <summary>Who may look out when there are more pairs than CPUs.</summary>
public sealed class SpinSeatTests
{
    /// <summary>One seat, and two who want it; each test has its own.</summary>
    private readonly SpinSeats _seats = new(1);
    private readonly SpinSeat _one;
    private readonly SpinSeat _other;

    public SpinSeatTests()
    {
        _one = new SpinSeat(_seats);
        _other = new SpinSeat(_seats);
        _one.Renew(0);
    }

    [Fact]
    public void A_free_seat_is_taken_and_given_back()
    {
        _other.Renew(0);
        Assert.True(_one.IsHeld);
        Assert.False(_other.IsHeld);
        _one.Release();
        _one.Release();
        _other.Renew(0);
        _one.Renew(0);
        Assert.True(_other.IsHeld);
        Assert.False(_one.IsHeld);
    }

    [Fact]
    public void Nobody_waits_for_ever()
    {
        Calls(_other);
        _other.Await();
        Assert.False(_other.IsHeld);
        Assert.False(_seats.IsWanted);
        _one.Release();
        _other.Await();
        Assert.True(_other.IsHeld);
    }

    [Fact]
    public void The_first_calls_after_a_pause_wait_for_nobody()
    {
        int calls = Calls(_other);
        Assert.InRange(calls, 1, 100);
        Assert.Equal(0, Calls(_other));
        _other.Pause();
        Assert.Equal(calls, Calls(_other));
    }

    [Fact]
    public void A_seat_is_kept_until_it_is_wanted_for_long()
    {
        _one.Renew(long.MaxValue);
        Assert.True(_one.IsHeld);
        var other = new Thread(() =>
        {
            var seat = new SpinSeat(_seats);
            while (!seat.IsHeld)
            {
                seat.Await();
            }
        });
        other.Start();
        Assert.True(SpinWait.SpinUntil(() => _seats.IsWanted, 60_000));
        _one.Renew(1);
        Assert.True(_one.IsHeld);
        while (!other.Join(0))
        {
            _one.Renew(long.MaxValue);
        }
        Assert.False(_one.IsHeld);
    }

    [Fact]
    public void No_seat_is_lost_or_made_among_many()
    {
        const int Seats = 2;
        var seats = new SpinSeats(Seats);
        var crowd = new Crowd();
        var threads = new List<Thread>();
        for (int i = 0; i < 8; i++)
        {
            threads.Add(new Thread(() => crowd.Visit(seats)));
        }
        threads.ForEach(each => each.Start());
        threads.ForEach(each => each.Join());
        Assert.InRange(crowd.Most, 1, Seats);
        Assert.False(seats.IsWanted);
        for (int i = 0; i < Seats; i++)
        {
            var seat = new SpinSeat(seats);
            seat.Renew(0);
            Assert.True(seat.IsHeld);
        }
        var none = new SpinSeat(seats);
        none.Renew(0);
        Assert.False(none.IsHeld);
    }

    private static int Calls(SpinSeat seat)
    {
        int calls = 0;
        for (; seat.MayLookOut; calls++)
        {
            seat.Await();
        }
        return calls;
    }

    /// <summary>Counts those that hold a seat at once.</summary>
    private sealed class Crowd
    {
        private readonly Lock _lock = new();
        private int _held;

        public int Most { get; private set; }

        public void Visit(SpinSeats seats)
        {
            var seat = new SpinSeat(seats);
            for (int round = 0; round < 2_000; round++)
            {
                seat.Await();
                if (seat.IsHeld)
                {
                    Count(1);
                    Count(-1);
                    seat.Release();
                }
            }
        }

        private void Count(int more)
        {
            lock (_lock)
            {
                _held += more;
                Most = int.Max(Most, _held);
            }
        }
    }
}
