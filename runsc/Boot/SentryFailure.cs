using System;
using System.Threading;
using HostOs;
using Runsc.Sandbox;

namespace Runsc.Boot;

/// <summary>
/// What happens when the Sentry itself is wrong: an exception that nobody catches ends the sandbox at once. Its text
/// goes to the debug
/// log in full and to the launcher in short. No other task may go on with half-changed state, so there is nothing to
/// save.
/// </summary>
internal sealed class SentryFailure(ControlChannel channel, DebugLog log)
{
    private const int TextLimit = 2000;

    private int _isReported;

    /// <summary>From now on exceptions of every thread end here.</summary>
    internal void Watch() => AppDomain.CurrentDomain.UnhandledException += OnException;

    private void OnException(object sender, UnhandledExceptionEventArgs args)
    {
        if (Interlocked.Exchange(ref _isReported, 1) != 0)
        {
            // A second thread fails while the first reports: that one ends the process.
            Thread.Sleep(Timeout.Infinite);
        }

        string text = args.ExceptionObject.ToString() ?? "an exception without text";
        log.Write("the Sentry failed: " + text, LogLevel.Warning);
        channel.Send(new ControlMessage
        {
            Kind = ControlKind.Crashed,
            Text = text.Length > TextLimit ? text[..TextLimit] : text,
        });
        HostUnistd.ExitGroup(CommandStatus.SentryFailed);
    }
}
