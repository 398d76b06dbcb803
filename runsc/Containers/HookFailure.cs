namespace Runsc.Containers;

/// <summary>What a failing hook does.</summary>
internal enum HookFailure
{
    /// <summary>The command fails.</summary>
    Fatal,

    /// <summary>A line in the log; the command goes on.</summary>
    Reported,
}
