using System;
using System.Text;
using HostOs;
using Runsc.Boot;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary>An exception that nobody expected: a bug of ours. The user gets one line, the debug log all of
/// it.</summary>
internal static class InternalError
{
    private const int StandardError = 2;

    /// <summary>Exceptions of every thread end here unless somebody catches them: no stack trace is printed.</summary>
    internal static void Watch() => AppDomain.CurrentDomain.UnhandledException += (_, args) =>
    {
        if (args.ExceptionObject is Exception exception)
        {
            Log(exception);
            byte[] line = Encoding.Latin1.GetBytes("runsc: " + Describe(exception) + "\n");
            _ = HostUnistd.WriteAll(StandardError, line);
        }

        HostUnistd.ExitGroup(CommandStatus.SentryFailed);
    };

    /// <summary>One line, without the trace.</summary>
    internal static string Describe(Exception exception)
    {
        string what = exception.Message.Split('\n')[0].Trim();
        return "internal error: " + exception.GetType().Name + ": " + ByteStrings.FromText(what)
            + "; --debug-log tells more";
    }

    /// <summary>Appends the exception to the debug log of this invocation, when it has one.</summary>
    internal static void Log(Exception exception)
    {
        if (RuntimeLog.DebugLog is { Length: > 0 } path
            && SandboxProcesses.OpenLog(path, out int opened) == Abi.Linux.Errno.None)
        {
            using HostFd fd = new(opened);
            new DebugLog(opened, Program.StartedAt).Write("internal error: "
                + ByteStrings.FromText(exception.ToString()));
        }
    }
}
