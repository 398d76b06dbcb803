using System;
using Sentry.Mm;

namespace Sentry.Kernel;

// Delete this file together with the first push of the real Task members of the same names.
public sealed partial class Task
{
    internal GuestAddress ClearChildTid => throw new NotImplementedException();

    internal GuestAddress RobustList => throw new NotImplementedException();

    internal void ClearWake() => throw new NotImplementedException();

    internal PlaceholderNamespace PidNamespace => throw new NotImplementedException();

    internal sealed class PlaceholderNamespace
    {
        internal Task? FindTask(int tid) => throw new NotImplementedException(tid.ToString());
    }
}
