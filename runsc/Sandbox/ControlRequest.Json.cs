using System;

namespace Runsc.Sandbox;

/// <summary>The packet of a request.</summary>
internal sealed partial class ControlRequest
{
    internal byte[] ToJson() => JsonFields.Write(writer =>
    {
        writer.WriteNumber(nameof(Kind), (int)Kind);
        writer.WriteString(nameof(Container), Container);
        writer.WriteNumber(nameof(Number), Number);
        writer.WriteNumber(nameof(Pid), Pid);
        writer.WriteNumber(nameof(Rows), Rows);
        writer.WriteNumber(nameof(Columns), Columns);
        writer.WriteNumber(nameof(MemoryLimitBytes), MemoryLimitBytes);
        writer.WriteNumber(nameof(PidsLimit), PidsLimit);
        writer.WriteNumber(nameof(CpuQuotaUs), CpuQuotaUs);
        writer.WriteNumber(nameof(CpuPeriodUs), CpuPeriodUs);
        writer.WriteNumber(nameof(CpuWeight), CpuWeight);
    });

    /// <summary>The request that the bytes are; null when they are none.</summary>
    internal static ControlRequest? Parse(ReadOnlySpan<byte> bytes) => JsonFields.Read(bytes, static fields =>
        new ControlRequest
        {
            Kind = (RequestKind)fields.Int(nameof(Kind)),
            Container = fields.Text(nameof(Container)),
            Number = fields.Int(nameof(Number)),
            Pid = fields.Int(nameof(Pid)),
            Rows = fields.Short(nameof(Rows)),
            Columns = fields.Short(nameof(Columns)),
            MemoryLimitBytes = fields.Number(nameof(MemoryLimitBytes)),
            PidsLimit = fields.Number(nameof(PidsLimit)),
            CpuQuotaUs = fields.Number(nameof(CpuQuotaUs)),
            CpuPeriodUs = fields.Number(nameof(CpuPeriodUs)),
            CpuWeight = fields.Number(nameof(CpuWeight)),
        });
}
