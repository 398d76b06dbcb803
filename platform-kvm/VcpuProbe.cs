using System;

namespace Platform.Kvm;

/// <summary>Asks a vCPU who runs its ring 0.</summary>
internal sealed class VcpuProbe : IRing0Probe, IDisposable
{
    private readonly Vcpu _vcpu;
    private readonly ulong _root;
    private readonly KvmStatistic? _emulated;

    /// <param name="vcpu">A vCPU that the calling thread holds.</param>
    /// <param name="root">Page tables with the kernel area.</param>
    public VcpuProbe(Vcpu vcpu, ulong root)
    {
        _vcpu = vcpu;
        _root = root;
        _emulated = vcpu.OpenStatistic("insn_emulation"u8);
    }

    public long RunLoop() => _vcpu.Calibrate(_root);

    public bool TryCountEmulated(out long count)
    {
        count = 0;
        return _emulated is not null && _emulated.TryRead(out count);
    }

    public bool Computes() => _vcpu.Computes(_root);

    public void Dispose() => _emulated?.Dispose();
}
