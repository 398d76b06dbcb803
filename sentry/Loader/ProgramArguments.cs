using System.Collections.Generic;
using Abi.Linux;

namespace Sentry.Loader;

/// <summary>Arguments and environment of a program, with Linux's limits on their size (execve(2), "Limits on size of
/// arguments and environment").</summary>
public sealed class ProgramArguments
{
    /// <summary>Longest single string with its NUL (MAX_ARG_STRLEN).</summary>
    public const int MaxStringBytes = 131072;

    private const ulong MinimumBytes = 131072;
    private const ulong MaximumBytes = Resource._STK_LIM / 4 * 3;
    private const ulong PointerBytes = 8;

    private readonly ulong _limitBytes;

    /// <summary>Empty lists under the limit that a soft RLIMIT_STACK allows.</summary>
    public ProgramArguments(ulong stackLimitBytes)
    {
        ulong quarter = System.Math.Min(stackLimitBytes / 4, MaximumBytes);
        _limitBytes = System.Math.Max(quarter, MinimumBytes);
    }

    /// <summary>argv.</summary>
    public List<string> Arguments { get; } = new();

    /// <summary>envp.</summary>
    public List<string> Environment { get; } = new();

    /// <summary>Bytes of all strings with their NULs and pointers so far.</summary>
    public ulong UsedBytes { get; private set; }

    /// <summary>Counts a string towards the limit. E2BIG when it is too much.</summary>
    public Errno Charge(string value)
    {
        if (value.Length >= MaxStringBytes)
        {
            return Errno.E2BIG;
        }

        UsedBytes += (ulong)value.Length + 1 + PointerBytes;
        return UsedBytes > _limitBytes ? Errno.E2BIG : Errno.None;
    }

    /// <summary>Appends an argument or E2BIG.</summary>
    public Errno AddArgument(string value)
    {
        Arguments.Add(value);
        return Charge(value);
    }

    /// <summary>Appends an environment string or E2BIG.</summary>
    public Errno AddEnvironment(string value)
    {
        Environment.Add(value);
        return Charge(value);
    }

    /// <summary>A script replaces argv[0] by the interpreter, its argument and the script's path.</summary>
    public Errno EnterScript(in ScriptLine line, string scriptPath)
    {
        if (Arguments.Count > 0)
        {
            Arguments.RemoveAt(0);
        }

        Arguments.Insert(0, scriptPath);
        Errno errno = Charge(scriptPath);
        if (line.Argument is not null && errno == Errno.None)
        {
            Arguments.Insert(0, line.Argument);
            errno = Charge(line.Argument);
        }

        Arguments.Insert(0, line.Interpreter);
        return errno != Errno.None ? errno : Charge(line.Interpreter);
    }
}
