using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Platform.Stubs;

namespace Platform.Ptrace;

/// <summary>
/// The host thread that traces the master and the leaders of all stub processes, and so the only one that can make
/// processes and threads, or
/// run a script where no context is at hand. Requests are served one at a time.
/// </summary>
internal sealed class ServiceThread
{
    private const int StackBytes = 256 * 1024;

    private readonly CommandArea _area;
    private readonly MasterStub _master;
    private readonly Thread _thread;
    private readonly object _gate = new();
    private readonly Queue<ServiceRequest> _queue = new();

    /// <summary>A process made in advance; guarded by <see cref="_gate"/>.</summary>
    private StubProcess? _spare;

    /// <summary>Making a process in advance failed: none is made until somebody has got one.</summary>
    private bool _spareFails;

    /// <summary>Killed processes that are still to be waited for; the service thread's own.</summary>
    private readonly Stack<(int Pid, int Slot)> _dying = new();

    [ThreadStatic]
    private static ServiceRequest? t_request;

    public ServiceThread(CommandArea area, MasterStub master)
    {
        _area = area;
        _master = master;
        _thread = new Thread(Run, StackBytes) { IsBackground = true, Name = "ptrace-service" };
    }

    /// <summary>Starts the thread and, on it, the master. <paramref name="step"/> names what failed.</summary>
    public Errno Start(out FpFormat? fpFormat, out string step)
    {
        ServiceRequest request = Mine(ServiceRequestKind.StartMaster);
        _thread.Start();
        Call(request);
        step = request.Step;
        fpFormat = _master.FpFormat;
        if (request.Error != Errno.None)
        {
            _thread.Join();
        }
        return request.Error;
    }

    /// <summary>Takes the process made in advance, if there is one; otherwise waits for one to be made.</summary>
    public Errno NewProcess(out StubProcess process)
    {
        lock (_gate)
        {
            if (_spare is not null)
            {
                process = _spare.Value;
                _spare = null;
                Monitor.Pulse(_gate);
                return Errno.None;
            }
        }
        ServiceRequest request = Mine(ServiceRequestKind.NewProcess);
        Call(request);
        process = request.Process;
        return request.Error;
    }

    /// <summary>Makes a thread in the process of <paramref name="leader"/>.</summary>
    public Errno NewThread(int leader, out int tid)
    {
        ServiceRequest request = Mine(ServiceRequestKind.NewThread);
        request.Pid = leader;
        Call(request);
        tid = request.Result;
        return request.Error;
    }

    /// <summary>Runs a script in the leader.</summary>
    public ScriptOutcome RunScript(int leader, int count)
    {
        ServiceRequest request = Mine(ServiceRequestKind.RunScript);
        request.Pid = leader;
        request.Count = count;
        Call(request);
        return request.Outcome;
    }

    /// <summary>
    /// Has a killed process waited for and its slot given back, some time later. No thread of it may be traced by
    /// anybody else any more.
    /// </summary>
    public void ReapLater(int pid, int slot) =>
        Post(new ServiceRequest { Kind = ServiceRequestKind.Reap, Pid = pid, Slot = slot });

    /// <summary>Returns when every process given to <see cref="ReapLater"/> before is gone.</summary>
    public void Drain() => Call(Mine(ServiceRequestKind.Drain));

    /// <summary>Ends master and thread.</summary>
    public void Stop()
    {
        Call(Mine(ServiceRequestKind.Stop));
        _thread.Join();
    }

    /// <summary>One request object per calling thread, so that requests allocate nothing.</summary>
    private static ServiceRequest Mine(ServiceRequestKind kind)
    {
        ServiceRequest request = t_request ??= new ServiceRequest();
        request.Kind = kind;
        request.Done = false;
        request.Error = Errno.None;
        request.Step = "";
        return request;
    }

    private void Post(ServiceRequest request)
    {
        lock (_gate)
        {
            _queue.Enqueue(request);
            Monitor.Pulse(_gate);
        }
    }

    private void Call(ServiceRequest request)
    {
        Post(request);
        lock (request)
        {
            while (!request.Done)
            {
                Monitor.Wait(request);
            }
        }
    }

    private void Run()
    {
        HostPrctl.SetThreadName("ptrace-service");
        bool running = true;
        while (running)
        {
            ServiceRequest? request = Next(out bool wantsSpare);
            if (request is null)
            {
                DoIdleWork(wantsSpare);
                continue;
            }
            running = Serve(request);
            lock (request)
            {
                request.Done = true;
                Monitor.Pulse(request);
            }
        }
    }

    /// <summary>The next request; null when there is none but work to do in between.</summary>
    private ServiceRequest? Next(out bool wantsSpare)
    {
        lock (_gate)
        {
            while (true)
            {
                wantsSpare = _master.IsReady && _spare is null && !_spareFails;
                if (_queue.TryDequeue(out ServiceRequest? request) || wantsSpare || _dying.Count > 0)
                {
                    return request;
                }
                Monitor.Wait(_gate);
            }
        }
    }

    private void DoIdleWork(bool wantsSpare)
    {
        if (!wantsSpare)
        {
            ReapOne();
            return;
        }
        Errno error = _master.NewProcess(out StubProcess process);
        lock (_gate)
        {
            _spareFails = error != Errno.None;
            _spare = _spareFails ? null : process;
        }
    }

    /// <summary>Does one request; false when the thread shall end.</summary>
    private bool Serve(ServiceRequest request)
    {
        switch (request.Kind)
        {
            case ServiceRequestKind.StartMaster:
                request.Error = _master.Start(out request.Step);
                return request.Error == Errno.None;
            case ServiceRequestKind.NewProcess:
                request.Error = _master.NewProcess(out request.Process);
                _spareFails = request.Error != Errno.None;
                return true;
            case ServiceRequestKind.NewThread:
                request.Error = _master.NewThread(request.Pid, out request.Result);
                return true;
            case ServiceRequestKind.RunScript:
                request.Outcome = _master.RunScript(request.Pid, request.Count);
                return true;
            case ServiceRequestKind.Reap:
                _dying.Push((request.Pid, request.Slot));
                return true;
            default:
                ReapAll();
                if (request.Kind == ServiceRequestKind.Stop)
                {
                    KillSpare();
                    _master.Kill();
                }
                return request.Kind != ServiceRequestKind.Stop;
        }
    }

    private void KillSpare()
    {
        lock (_gate)
        {
            if (_spare is not null)
            {
                HostSignal.Kill(_spare.Value.Pid, Signals.SIGKILL);
                MasterStub.Reap(_spare.Value.Pid);
                _spare = null;
            }
        }
    }

    private void ReapAll()
    {
        while (_dying.Count > 0)
        {
            ReapOne();
        }
    }

    private void ReapOne()
    {
        (int pid, int slot) = _dying.Pop();
        MasterStub.Reap(pid);
        _area.Return(slot);
    }
}

/// <summary>What a <see cref="ServiceThread"/> can be asked.</summary>
internal enum ServiceRequestKind
{
    StartMaster,
    NewProcess,
    NewThread,
    RunScript,
    Reap,
    Drain,
    Stop,
}

/// <summary>One request and its answer. The object's own lock guards <see cref="Done"/>.</summary>
internal sealed class ServiceRequest
{
    public ServiceRequestKind Kind;
    public int Pid;
    public int Slot;
    public StubProcess Process;
    public int Count;
    public int Result;
    public Errno Error;
    public ScriptOutcome Outcome;
    public string Step = "";
    public bool Done;
}
