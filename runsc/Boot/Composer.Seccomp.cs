using Abi.Linux;
using Sentry.Kernel;

namespace Runsc.Boot;

/// <summary>The filter of the configuration, for the first process and for those that are executed later.</summary>
internal sealed partial class Composer
{
    private const int WhenTrueShift = 16;
    private const int WhenFalseShift = 24;
    private const int ValueShift = 32;

    private SeccompFilter? _seccomp;

    /// <summary>Makes the filter; null, or one line.</summary>
    private string? PrepareSeccomp()
    {
        if (_spec.Seccomp.Count == 0)
        {
            return null;
        }

        SockFilter[] code = new SockFilter[_spec.Seccomp.Count];
        for (int i = 0; i < code.Length; i++)
        {
            ulong word = _spec.Seccomp[i];
            code[i] = new SockFilter
            {
                code = (ushort)word,
                jt = (byte)(word >> WhenTrueShift),
                jf = (byte)(word >> WhenFalseShift),
                k = (uint)(word >> ValueShift),
            };
        }

        Errno errno = BpfProgram.TryCreate(code, out BpfProgram? program);
        errno = errno == Errno.None ? SeccompFilter.Stack(program!, null, out _seccomp) : errno;
        return errno == Errno.None ? null : "linux.seccomp: " + Oci.ErrorText.Describe(errno);
    }

    private void ApplySeccomp(Task task)
    {
        if (_seccomp is not null)
        {
            task.ConfineFromOutside(SeccompState.Filtered(_seccomp));
        }
    }
}
