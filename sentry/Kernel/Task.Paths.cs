using Abi.Linux;
using Sentry.Syscalls;

namespace Sentry.Kernel;

/// <summary>Buffers that system calls of this task read paths into.</summary>
public sealed partial class Task
{
    private const int TransferBytes = 64 * 1024;

    private char[]? _pathBuffer;
    private char[]? _secondPathBuffer;
    private DirentBuffer? _direntBuffer;
    private byte[]? _transferBuffer;

    /// <summary>PATH_MAX characters, for the path of the call in progress.</summary>
    internal char[] PathBuffer => _pathBuffer ??= new char[Limits.PATH_MAX];

    /// <summary>PATH_MAX characters, for the second path of a call that has two.</summary>
    internal char[] SecondPathBuffer => _secondPathBuffer ??= new char[Limits.PATH_MAX];

    /// <summary>Records of the directory read in progress.</summary>
    internal DirentBuffer DirentBuffer => _direntBuffer ??= new DirentBuffer();

    /// <summary>Bytes on their way from file to file (sendfile(2), copy_file_range(2)).</summary>
    internal byte[] TransferBuffer => _transferBuffer ??= new byte[TransferBytes];
}
