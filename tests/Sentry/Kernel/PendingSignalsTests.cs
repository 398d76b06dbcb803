using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Xunit;

namespace Tests.Sentry.Kernel;

/// <summary>The queue of pending signals against a naive model.</summary>
public sealed class PendingSignalsTests
{
    [Fact]
    public void TheLowestSignalComesFirstAndSynchronousOnesBeforeAll()
    {
        ulong set = SignalSets.Of(Signals.SIGHUP) | SignalSets.Of(Signals.SIGSEGV) | SignalSets.Of(40);
        Assert.Equal(Signals.SIGSEGV, SignalSets.First(set));
        Assert.Equal(Signals.SIGHUP, SignalSets.First(set & ~SignalSets.Synchronous));
        Assert.Equal(0, SignalSets.First(0));
    }

    [Fact]
    public void ASignalWithoutInformationLooksLikeKillByNobody()
    {
        PendingSignals queue = new();
        queue.AddBare(Signals.SIGUSR1);
        queue.Take(Signals.SIGUSR1, out SigInfo info);
        Assert.Equal(Signals.SIGUSR1, info.si_signo);
        Assert.Equal(SigCode.SI_USER, info.si_code);
        Assert.Equal(0UL, queue.Set);
    }

    [Fact]
    public void RandomOperationsMatchAListPerSignal()
    {
        const int Operations = 20000;
        int seed = System.Environment.TickCount;
        System.Random random = new(seed);
        UserAccount account = new(0);
        PendingSignals queue = new();
        List<(int Signal, int Value)> model = new();
        for (int i = 0; i < Operations; i++)
        {
            int signal = random.Next(32, 40);
            switch (random.Next(5))
            {
                case 0 or 1:
                    account.AddSignal();
                    queue.Add(new SigInfo { si_signo = signal, si_int = i }, account);
                    model.Add((signal, i));
                    break;
                case 2 or 3 when SignalSets.Contains(queue.Set, signal):
                    queue.Take(signal, out SigInfo info);
                    int index = model.FindIndex(entry => entry.Signal == signal);
                    Assert.True(model[index].Value == info.si_int, "seed " + seed);
                    model.RemoveAt(index);
                    break;
                case 4 when random.Next(50) == 0:
                    queue.Discard(SignalSets.Of(signal));
                    model.RemoveAll(entry => entry.Signal == signal);
                    break;
            }

            ulong expected = 0;
            model.ForEach(entry => expected |= SignalSets.Of(entry.Signal));
            Assert.True(expected == queue.Set, "seed " + seed);
            Assert.True(model.Count == account.PendingSignals, "seed " + seed);
        }
    }
}
