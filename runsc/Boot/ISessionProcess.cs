namespace Runsc.Boot;

/// <summary>What a connection to the control socket has made and answers for: an exec, or a container that joined. When
/// the connection closes it is killed.</summary>
internal interface ISessionProcess
{
    /// <summary>Process id inside.</summary>
    int Number { get; }

    /// <summary>When this descriptor hangs up, the process is killed; -1 for none.</summary>
    int HangUpFd { get; }

    /// <summary>Sends it a signal from outside.</summary>
    void Signal(int signal);

    /// <summary>Its terminal has a new size.</summary>
    void Resize(ushort rows, ushort columns);

    /// <summary>It has ended: gives up what ties it to the host.</summary>
    void Finish(int waitStatus);
}
