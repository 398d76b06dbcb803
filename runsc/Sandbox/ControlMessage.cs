namespace Runsc.Sandbox;

/// <summary>One packet of the control channel between launcher and Sentry.</summary>
internal sealed class ControlMessage : ICarried
{
    public ControlKind Kind { get; set; }

    /// <summary>Signal number, wait status or exit status, by kind.</summary>
    public int Number { get; set; }

    public ushort Rows { get; set; }

    public ushort Columns { get; set; }

    /// <summary>Error text.</summary>
    public string? Text { get; set; }

    /// <inheritdoc/>
    public void Carry(Wire wire)
    {
        Kind = (ControlKind)wire.Int((int)Kind);
        Number = wire.Int(Number);
        Rows = (ushort)wire.Int(Rows);
        Columns = (ushort)wire.Int(Columns);
        Text = wire.OptionalText(Text);
    }
}

/// <summary>What a control message says.</summary>
internal enum ControlKind
{
    /// <summary>To the Sentry: deliver signal Number to the first process.</summary>
    Signal,

    /// <summary>To the Sentry: the caller's terminal has a new size.</summary>
    WindowSize,

    /// <summary>To the Sentry: run the first process.</summary>
    Start,

    /// <summary>To the Sentry: the launcher goes, the sandbox stays; the channel will close.</summary>
    Detach,

    /// <summary>To the launcher: all but the first program is there; Start is awaited.</summary>
    Created,

    /// <summary>To the launcher: the first process ended with wait status Number.</summary>
    Exited,

    /// <summary>To the launcher: the sandbox could not start; Text says why in one line,
    /// Number is the launcher's exit status.</summary>
    Failed,

    /// <summary>To the launcher: the Sentry failed and ends; Text is the exception.</summary>
    Crashed,
}
