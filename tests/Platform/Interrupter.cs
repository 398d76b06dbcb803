using System;
using System.Threading;
using global::Platform;

namespace Tests.Platform;

/// <summary>A thread that interrupts a context all the time, until this is disposed.</summary>
internal sealed class Interrupter : IDisposable
{
    private readonly IContext _context;
    private readonly Thread _thread;
    private bool _stop;

    public Interrupter(IContext context)
    {
        _context = context;
        _thread = new Thread(Run);
        _thread.Start();
    }

    public void Dispose()
    {
        Volatile.Write(ref _stop, true);
        _thread.Join();
    }

    private void Run()
    {
        while (!Volatile.Read(ref _stop))
        {
            _context.Interrupt();
            Thread.SpinWait(200);
        }
    }
}
