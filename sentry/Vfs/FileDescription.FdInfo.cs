using System.Text;
using Sentry.Kernel;

namespace Sentry.Vfs;

public abstract partial class FileDescription
{
    /// <summary>
    /// Appends the lines of /proc/pid/fdinfo that only this kind of file has, each ended by a newline (proc_pid_fdinfo(5)), as the
    /// reading task sees them.
    /// </summary>
    public virtual void AppendFdInfo(Task reader, StringBuilder text)
    {
    }
}
