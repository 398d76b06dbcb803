namespace Sentry.Kernel;

/// <summary>An inode that stands for a process where a pidfd may: /proc/PID (pidfd_send_signal(2)).</summary>
public interface IProcessDirectory
{
    /// <summary>The process; null for a directory that shows one thread.</summary>
    Pid? Process { get; }
}
