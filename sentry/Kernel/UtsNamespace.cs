using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>Host and NIS domain name of some tasks (uts_namespaces(7)).</summary>
public sealed class UtsNamespace : INamespace
{
    /// <summary>Longest name (__NEW_UTS_LEN, include/uapi/linux/utsname.h).</summary>
    public const int MaxNameBytes = 64;

    private readonly OrderedLock<LeafLevel> _lock = new();
    private string _hostName;
    private string _domainName;

    /// <summary>A namespace with the given names (Latin-1 byte strings of at most <see
    /// cref="MaxNameBytes"/>).</summary>
    public UtsNamespace(UserNamespace owner, string hostName, string domainName = "(none)")
    {
        Owner = owner;
        _hostName = hostName;
        _domainName = domainName;
    }

    /// <inheritdoc/>
    public NamespaceKind Kind => NamespaceKind.Uts;

    /// <inheritdoc/>
    public ulong InodeNumber { get; } = NamespaceInodes.Next();

    /// <inheritdoc/>
    public UserNamespace Owner { get; }

    /// <summary>Node name, sethostname(2).</summary>
    public string HostName
    {
        get
        {
            using (_lock.Enter())
            {
                return _hostName;
            }
        }

        set
        {
            using (_lock.Enter())
            {
                _hostName = value;
            }
        }
    }

    /// <summary>NIS domain, setdomainname(2).</summary>
    public string DomainName
    {
        get
        {
            using (_lock.Enter())
            {
                return _domainName;
            }
        }

        set
        {
            using (_lock.Enter())
            {
                _domainName = value;
            }
        }
    }

    /// <summary>A copy owned by <paramref name="owner"/>, for CLONE_NEWUTS.</summary>
    public UtsNamespace Copy(UserNamespace owner) => new(owner, HostName, DomainName);
}
