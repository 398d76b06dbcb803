using Abi.Linux;
using Stub;

namespace Platform.Stubs;

/// <summary>What became of a script.</summary>
internal struct ScriptOutcome
{
    /// <summary>The stub thread is gone, or did what the stub page never does.</summary>
    public bool Dead;

    /// <summary>Entries done; the entry with this index failed if it is below the count.</summary>
    public int Done;

    /// <summary>Why it failed.</summary>
    public Errno Error;
}

/// <summary>Runs scripts in one stub process.</summary>
internal interface IScriptRunner
{
    /// <summary>Most entries of a script.</summary>
    int MaxEntries { get; }

    /// <summary>Writes one entry of the next script.</summary>
    void Write(int index, in ScriptEntry entry);

    /// <summary>Runs the first <paramref name="count"/> entries.</summary>
    ScriptOutcome Run(int count);
}
