using System.Threading;
using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial class Task
{
    // setuid(2) to a user over RLIMIT_NPROC succeeds; the next execve fails instead (PF_NPROC_EXCEEDED).
    private bool _exceededProcessLimit;

    private bool MayExceedProcessLimit => _account.Uid == 0
        || Credentials.IsCapable(Capability.CAP_SYS_RESOURCE)
        || Credentials.IsCapable(Capability.CAP_SYS_ADMIN);

    /// <summary>
    /// Takes on new credentials (kernel/cred.c, commit_creds): a change of effective ids or new capabilities makes
    /// the process undumpable and clears the parent-death signal.
    /// </summary>
    public void CommitCredentials(Credentials credentials)
    {
        if (credentials.ChangesIdentity(Credentials))
        {
            ThreadGroup.Dumpable = 0;
            ParentDeathSignal = 0;
        }

        SetCredentials(credentials);
    }

    private void SetCredentials(Credentials credentials)
    {
        if (credentials.RealUid != _account.Uid)
        {
            UserAccount old = _account;
            UserAccount next = Kernel.Accounts.Get(credentials.RealUid);
            next.AddTask();
            _account = next;
            old.DropTask();
            _exceededProcessLimit = (ulong)next.Tasks > ThreadGroup.Limits.Soft(Resource.RLIMIT_NPROC);
        }

        Volatile.Write(ref _credentials, credentials);
        OfferAnswers();
    }
}
