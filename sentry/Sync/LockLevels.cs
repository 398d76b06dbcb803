namespace Sentry.Sync;

// The order of all locks of the Sentry, outer to inner. docs/locks.md is generated from this file.

/// <summary>Offset of one open file description (held across the read or write, as Linux's f_pos_lock).</summary>
public readonly struct FilePositionLevel : ILockLevel
{
    public static int Rank => 90;

    public static string Name => "FilePosition";
}

/// <summary>One rename at a time per kernel, taken before any directory.</summary>
public readonly struct RenameLevel : ILockLevel
{
    public static int Rank => 100;

    public static string Name => "Rename";
}

/// <summary>Mount tree and propagation groups.</summary>
public readonly struct MountLevel : ILockLevel
{
    public static int Rank => 110;

    public static string Name => "Mount";
}

/// <summary>Entries of one directory; parent before child, else by creation order.</summary>
public readonly struct DirectoryLevel : ILockLevel
{
    public static int Rank => 120;

    public static string Name => "Directory";
}

/// <summary>Name and copy-up of one overlay inode; pairs by creation order.</summary>
public readonly struct CopyUpLevel : ILockLevel
{
    public static int Rank => 124;

    public static string Name => "CopyUp";
}

/// <summary>Entries of the upper directory behind one overlay directory; pairs as the directories above them.</summary>
public readonly struct UpperDirectoryLevel : ILockLevel
{
    public static int Rank => 125;

    public static string Name => "UpperDirectory";
}

/// <summary>The work directory of one overlay.</summary>
public readonly struct OverlayWorkLevel : ILockLevel
{
    public static int Rank => 126;

    public static string Name => "OverlayWork";
}

/// <summary>Renames in one tmpfs: who is above whom stays as it is.</summary>
public readonly struct TmpfsRenameLevel : ILockLevel
{
    public static int Rank => 128;

    public static string Name => "TmpfsRename";
}

/// <summary>Attributes and data of one inode; taken under its directory.</summary>
public readonly struct InodeLevel : ILockLevel
{
    public static int Rank => 130;

    public static string Name => "Inode";
}

/// <summary>
/// Writes and size changes of one file; held across the copy, so page faults come below (Linux's i_rwsem of regular
/// files).
/// </summary>
public readonly struct FileWriteLevel : ILockLevel
{
    public static int Rank => 140;

    public static string Name => "FileWrite";
}

/// <summary>Nesting of epoll instances.</summary>
public readonly struct EpollTreeLevel : ILockLevel
{
    public static int Rank => 150;

    public static string Name => "EpollTree";
}

/// <summary>Interest and ready lists of one epoll instance.</summary>
public readonly struct EpollLevel : ILockLevel
{
    public static int Rank => 160;

    public static string Name => "Epoll";
}

/// <summary>Line discipline and job-control state of one terminal.</summary>
public readonly struct TtyLevel : ILockLevel
{
    public static int Rank => 180;

    public static string Name => "Tty";
}

/// <summary>The reader of one socket; held across copies to the guest, outside the state.</summary>
public readonly struct SocketReadLevel : ILockLevel
{
    public static int Rank => 184;

    public static string Name => "SocketRead";
}

/// <summary>Descriptors travelling over AF_UNIX sockets: the graph that the collector of cycles walks.</summary>
public readonly struct InFlightLevel : ILockLevel
{
    public static int Rank => 186;

    public static string Name => "InFlight";
}

/// <summary>Which peer a datagram socket watches for room.</summary>
public readonly struct RelayLevel : ILockLevel
{
    public static int Rank => 188;

    public static string Name => "Relay";
}

/// <summary>State of one socket; pairs by creation order.</summary>
public readonly struct SocketLevel : ILockLevel
{
    public static int Rank => 190;

    public static string Name => "Socket";
}

/// <summary>Ring of one pipe; pairs by creation order.</summary>
public readonly struct PipeLevel : ILockLevel
{
    public static int Rank => 200;

    public static string Name => "Pipe";
}

/// <summary>System V and POSIX IPC objects of one namespace.</summary>
public readonly struct IpcLevel : ILockLevel
{
    public static int Rank => 210;

    public static string Name => "Ipc";
}

/// <summary>Sending of the signals of O_ASYNC, in their order.</summary>
public readonly struct IoSignalLevel : ILockLevel
{
    public static int Rank => 290;

    public static string Name => "IoSignal";
}

/// <summary>Process tree: parents, children, thread groups, sessions, process groups, PID tables.</summary>
public readonly struct TasksLevel : ILockLevel
{
    public static int Rank => 300;

    public static string Name => "Tasks";
}

/// <summary>Signal state of one thread group: handlers, pending queues, stops.</summary>
public readonly struct SignalLevel : ILockLevel
{
    public static int Rank => 310;

    public static string Name => "Signal";
}

/// <summary>Descriptors of one table.</summary>
public readonly struct FdTableLevel : ILockLevel
{
    public static int Rank => 320;

    public static string Name => "FdTable";
}

/// <summary>Root, cwd, umask of one file-system context.</summary>
public readonly struct FsContextLevel : ILockLevel
{
    public static int Rank => 330;

    public static string Name => "FsContext";
}

/// <summary>
/// One futex bucket, pairs by index; guest words are read under it, so it is outside the memory locks.
/// </summary>
public readonly struct FutexLevel : ILockLevel
{
    public static int Rank => 380;

    public static string Name => "Futex";
}

/// <summary>VMAs of one memory manager.</summary>
public readonly struct MappingLevel : ILockLevel
{
    public static int Rank => 400;

    public static string Name => "Mapping";
}

/// <summary>
/// Who maps a file: reverse map of one mappable. Above the PMAs, because it is held while they are invalidated.
/// </summary>
public readonly struct MappableSetLevel : ILockLevel
{
    public static int Rank => 405;

    public static string Name => "MappableSet";
}

/// <summary>PMAs of one memory manager.</summary>
public readonly struct ActiveMemoryLevel : ILockLevel
{
    public static int Rank => 410;

    public static string Name => "ActiveMemory";
}

/// <summary>
/// Idle channels to the gofer. Every call begins with it, so nothing below is held while a server answers.
/// </summary>
public readonly struct GoferChannelLevel : ILockLevel
{
    public static int Rank => 415;

    public static string Name => "GoferChannel";
}

/// <summary>Cached pages of one file.</summary>
public readonly struct PageCacheLevel : ILockLevel
{
    public static int Rank => 430;

    public static string Name => "PageCache";
}

/// <summary>Allocation of the memory file.</summary>
public readonly struct MemoryFileLevel : ILockLevel
{
    public static int Rank => 440;

    public static string Name => "MemoryFile";
}

/// <summary>State of one timerfd, which arms its timer under it.</summary>
public readonly struct TimerFdLevel : ILockLevel
{
    public static int Rank => 500;

    public static string Name => "TimerFd";
}

/// <summary>Timers on the CPU clocks of one process.</summary>
public readonly struct CpuTimersLevel : ILockLevel
{
    public static int Rank => 505;

    public static string Name => "CpuTimers";
}

/// <summary>Timer heap.</summary>
public readonly struct TimerLevel : ILockLevel
{
    public static int Rank => 510;

    public static string Name => "Timer";
}

/// <summary>Waiters of one queue; callbacks run under it and take only leaf locks below.</summary>
public readonly struct WaitQueueLevel : ILockLevel
{
    public static int Rank => 600;

    public static string Name => "WaitQueue";
}

/// <summary>Any innermost lock under which nothing else is taken.</summary>
public readonly struct LeafLevel : ILockLevel
{
    public static int Rank => 700;

    public static string Name => "Leaf";
}

