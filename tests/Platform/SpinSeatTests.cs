using System.Collections.Generic;
using System.Threading;
using Platform.Systrap;
using Xunit;

namespace Tests.Platform;

/// <summary>Who may look out when there are more pairs than CPUs.</summary>
public sealed class SpinSeatTests
{
    [Fact]
    public void A_free_seat_is_taken_and_given_back()
    {
        var seats = new SpinSeats(1);
        var one = new SpinSeat(seats);
        var other = new SpinSeat(seats);
        one.Renew(0);
        other.Renew(0);
        Assert.True(one.IsHeld);
        Assert.False(other.IsHeld);
        one.Release();
        one.Release();
        other.Renew(0);
        one.Renew(0);
        Assert.True(other.IsHeld);
        Assert.False(one.IsHeld);
    }

    [Fact]
    public void Nobody_waits_for_ever()
    {
        var seats = new SpinSeats(1);
        var one = new SpinSeat(seats);
        var other = new SpinSeat(seats);
        one.Renew(0);
        Calls(other);
        other.Await();
        Assert.False(other.IsHeld);
        Assert.False(seats.IsWanted);
        one.Release();
        other.Await();
        Assert.True(other.IsHeld);
    }

    [Fact]
    public void The_first_calls_after_a_pause_wait_for_nobody()
    {
        var seats = new SpinSeats(1);
        var one = new SpinSeat(seats);
        var other = new SpinSeat(seats);
        one.Renew(0);
        int calls = Calls(other);
        Assert.InRange(calls, 1, 100);
        Assert.Equal(0, Calls(other));
        other.Pause();
        Assert.Equal(calls, Calls(other));
    }

    [Fact]
    public void A_seat_is_kept_until_it_is_wanted_for_long()
    {
        var seats = new SpinSeats(1);
        var one = new SpinSeat(seats);
        one.Renew(0);
        one.Renew(long.MaxValue);
        Assert.True(one.IsHeld);
        var other = new Thread(() =>
        {
            var seat = new SpinSeat(seats);
            while (!seat.IsHeld)
            {
                seat.Await();
            }
        });
        other.Start();
        Assert.True(SpinWait.SpinUntil(() => seats.IsWanted, 60_000));
        one.Renew(1);
        Assert.True(one.IsHeld);
        while (!other.Join(0))
        {
            one.Renew(long.MaxValue);
        }
        Assert.False(one.IsHeld);
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
