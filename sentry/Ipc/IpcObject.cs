using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;
using IpcAbi = Abi.Linux.Ipc;

namespace Sentry.Ipc;

/// <summary>
/// What every System V object has (svipc(7)): key, owner, creator, permissions. Guarded by its namespace's lock; ids
/// are kuids and kgids.
/// </summary>
public abstract class IpcObject
{
    private const uint PermissionBits = 0x1FF;

    /// <summary>An object that the task makes.</summary>
    protected IpcObject(Task creator, int key, uint mode)
    {
        Key = key;
        Mode = mode & PermissionBits;
        Uid = CreatorUid = creator.Credentials.EffectiveUid;
        Gid = CreatorGid = creator.Credentials.EffectiveGid;
    }

    /// <summary>Key it was made for; IPC_PRIVATE (0) when none finds it.</summary>
    public int Key { get; internal set; }

    /// <summary>Identifier that calls use: sequence number and slot.</summary>
    public int Id { get; internal set; }

    /// <summary>Owner.</summary>
    public uint Uid { get; private set; }

    /// <summary>Group of the owner.</summary>
    public uint Gid { get; private set; }

    /// <summary>Who made it.</summary>
    public uint CreatorUid { get; }

    /// <summary>Group of who made it.</summary>
    public uint CreatorGid { get; }

    /// <summary>Permission bits, and the state bits of shared memory.</summary>
    public uint Mode { get; internal set; }

    /// <summary>When it was made, or last changed by a *ctl call.</summary>
    public long ChangeTimeNs { get; private set; } = VirtualFileSystem.NowNs;

    /// <summary>True after IPC_RMID: waiters get EIDRM.</summary>
    public bool IsRemoved { get; internal set; }

    /// <summary>A *ctl call changes it now.</summary>
    internal void StampChange() => ChangeTimeNs = VirtualFileSystem.NowNs;

    /// <summary>ipcperms: may the task do what <paramref name="wanted"/> (permission bits of any class) asks?</summary>
    internal bool Allows(Task task, IpcNamespace ns, uint wanted)
    {
        Credentials credentials = task.Credentials;
        uint requested = (wanted >> 6) | (wanted >> 3) | wanted;
        uint granted = Mode;
        if (credentials.EffectiveUid == CreatorUid || credentials.EffectiveUid == Uid)
        {
            granted >>= 6;
        }
        else if (IsMember(credentials, CreatorGid) || IsMember(credentials, Gid))
        {
            granted >>= 3;
        }

        return (requested & ~granted & 7) == 0 || credentials.HasCapability(Capability.CAP_IPC_OWNER, ns.Owner);
    }

    /// <summary>May the task change or remove the object (ipcctl_obtain_check)?</summary>
    internal bool IsControlledBy(Task task, IpcNamespace ns)
    {
        uint uid = task.Credentials.EffectiveUid;
        return uid == Uid || uid == CreatorUid || task.Credentials.HasCapability(Capability.CAP_SYS_ADMIN, ns.Owner);
    }

    /// <summary>IPC_SET of the permissions, which stamps the object; EINVAL for ids without meaning.</summary>
    internal Errno Update(Task task, in Ipc64Perm wanted)
    {
        UserNamespace users = task.Credentials.UserNamespace;
        uint uid = users.ToKernelUid(wanted.uid);
        uint gid = users.ToKernelGid(wanted.gid);
        if (uid == UserNamespace.InvalidId || gid == UserNamespace.InvalidId)
        {
            return Errno.EINVAL;
        }

        Uid = uid;
        Gid = gid;
        Mode = (Mode & ~PermissionBits) | (wanted.mode & PermissionBits);
        StampChange();
        return Errno.None;
    }

    /// <summary>As the caller's namespaces see it.</summary>
    internal Ipc64Perm Describe(Task task)
    {
        UserNamespace viewer = task.Credentials.UserNamespace;
        return new Ipc64Perm
        {
            key = Key,
            uid = viewer.FromKernelUidOrOverflow(Uid),
            gid = viewer.FromKernelGidOrOverflow(Gid),
            cuid = viewer.FromKernelUidOrOverflow(CreatorUid),
            cgid = viewer.FromKernelGidOrOverflow(CreatorGid),
            mode = Mode,
            seq = (ushort)(Id / IpcTable<IpcObject>.SlotsPerSequence),
        };
    }

    private static bool IsMember(Credentials credentials, uint gid) =>
        gid == credentials.EffectiveGid || System.Array.BinarySearch(credentials.Groups, gid) >= 0;
}
