using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

// Delete this file together with the first push of the real members of the same names.
public sealed partial class FsContext
{
    public VfsPath Root => throw new NotImplementedException();

    public int UserCount => throw new NotImplementedException();

    public FsContext Copy() => throw new NotImplementedException();

    public void AddUser() => throw new NotImplementedException();

    public void DropUser() => throw new NotImplementedException();
}

public sealed partial class FdTable
{
    public int UserCount => throw new NotImplementedException();

    public FdTable Copy() => throw new NotImplementedException();

    public void AddUser() => throw new NotImplementedException();

    public void DropUser(Task task) => throw new NotImplementedException(task.ToString());

    public void CloseForExec(Task task) => throw new NotImplementedException(task.ToString());
}

public sealed partial class Mount
{
    public bool IsNoSetId => throw new NotImplementedException();
}

public sealed partial class MountNamespace
{
    public VfsPath RootTop => throw new NotImplementedException();

    public UserNamespace Owner => throw new NotImplementedException();

    public void AddUser() => throw new NotImplementedException();

    public void DropUser() => throw new NotImplementedException();
}

public sealed partial class VirtualFileSystem
{
}
