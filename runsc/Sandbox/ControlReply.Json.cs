using System;
using System.Text.Json;

namespace Runsc.Sandbox;

/// <summary>The packet of a reply. Lists and statistics, which no start waits for, go through the serializer.</summary>
internal sealed partial class ControlReply
{
    internal byte[] ToJson() => Processes is not null || Statistics is not null
        ? JsonSerializer.SerializeToUtf8Bytes(this, ControlJson.Default.ControlReply)
        : JsonFields.Write(writer =>
        {
            writer.WriteNumber(nameof(Kind), (int)Kind);
            writer.WriteNumber(nameof(Number), Number);
            writer.WriteString(nameof(Text), Text);
        });

    /// <summary>The reply that the bytes are; null when they are none.</summary>
    internal static ControlReply? Parse(ReadOnlySpan<byte> bytes)
    {
        bool isLarge = false;
        ControlReply? result = JsonFields.Read(bytes, fields =>
        {
            isLarge = fields.Has(nameof(Processes)) || fields.Has(nameof(Statistics));
            return new ControlReply
            {
                Kind = (ReplyKind)fields.Int(nameof(Kind)),
                Number = fields.Int(nameof(Number)),
                Text = fields.Text(nameof(Text)),
            };
        });
        return isLarge ? Packets.Parse(bytes, ControlJson.Default.ControlReply) : result;
    }
}
