using Lisafs;

namespace Sentry.Fs.Gofer;

/// <summary>What a file is called in a request, good until disposed: the handle in it is not given back
/// before.</summary>
internal readonly ref struct TargetHold
{
    private readonly GoferInode? _holder;

    internal TargetHold(GoferInode holder, WireTarget target)
    {
        _holder = holder;
        Wire = target;
    }

    /// <summary>For the request.</summary>
    internal WireTarget Wire { get; }

    /// <summary>Ends the use.</summary>
    public void Dispose()
    {
        if (_holder is not null)
        {
            _holder.Client.Handles.EndUse(_holder);
        }
    }
}
