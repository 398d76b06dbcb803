using System;
using BenchmarkDotNet.Attributes;
using Platform;
using Sentry.Mm;
using Tests.Sentry.Mm;

namespace Tests.Bench;

/// <summary>Bytes between the Sentry and the guest's memory, and a page's first touch.</summary>
public class Copies
{
    private const int Large = 64 << 10;
    private const ulong Region = 4ul << 20;
    private const MemoryAccess ReadWrite = MemoryAccess.Read | MemoryAccess.Write;

    private readonly byte[] _buffer = new byte[Large];
    private MemoryFile _file = null!;
    private MemoryManager _memory = null!;
    private GuestAddress _address;

    [Params(8, 4096, Large)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        Must.Succeed(MemoryFile.Create(1ul << 30, ulong.MaxValue, out MemoryFile? file));
        _file = file!;
        MemoryLayoutRequest layout = new() { StackLimitBytes = 8 << 20 };
        Must.Succeed(MemoryManager.Create(new TestPlatform(), _file, new TestLimits(), in layout,
            out MemoryManager? mm));
        _memory = mm!;
        MapRequest request = new()
        {
            LengthBytes = Region,
            Access = ReadWrite,
            MaxAccess = ReadWrite | MemoryAccess.Execute,
        };
        Must.Succeed(_memory.Map(in request, out _address));
        Must.Succeed(_memory.CopyOut(_address, _buffer));
    }

    [GlobalCleanup]
    public void End() => _file.Dispose();

    [Benchmark]
    public void In() => Must.Succeed(_memory.CopyIn(_address, _buffer.AsSpan(0, Bytes)));

    [Benchmark]
    public void Out() => Must.Succeed(_memory.CopyOut(_address, _buffer.AsSpan(0, Bytes)));
}
