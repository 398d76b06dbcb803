using Abi.Linux;
using HostOs;
using Runsc.Sandbox;
using Xunit;

namespace Tests.Runsc;

/// <summary>Messages between launcher and Sentry.</summary>
public sealed class ControlChannelTests
{
    private static (HostFd First, HostFd Second) Pair()
    {
        Assert.Equal(Errno.None, HostSocket.SocketPair(HostSocket.AfUnix, HostSocket.SeqPacket | HostSocket.Cloexec, 0,
            out int first, out int second));
        return (new HostFd(first), new HostFd(second));
    }

    [Fact]
    public void A_last_word_is_heard_though_its_sender_left_mail_unread()
    {
        (HostFd launcherEnd, HostFd sentryEnd) = Pair();
        using HostFd owned = launcherEnd;
        ControlChannel launcher = new(launcherEnd.Value);
        ControlChannel sentry = new(sentryEnd.Value);
        Assert.Equal(Errno.None, launcher.Send(new ControlMessage { Kind = ControlKind.Signal, Number = 1 }));
        Assert.Equal(Errno.None, sentry.Send(new ControlMessage { Kind = ControlKind.Exited, Number = 7 }));
        sentryEnd.Dispose();
        ControlMessage? word = launcher.TakeWaiting();
        Assert.Equal((ControlKind.Exited, 7), (word!.Kind, word.Number));
        Assert.Null(launcher.Receive());
    }

    [Fact]
    public void What_is_not_there_yet_is_not_waited_for()
    {
        (HostFd launcherEnd, HostFd sentryEnd) = Pair();
        using HostFd first = launcherEnd;
        using HostFd second = sentryEnd;
        ControlChannel launcher = new(launcherEnd.Value);
        Assert.Null(launcher.TakeWaiting());
        new ControlChannel(sentryEnd.Value).Send(new ControlMessage { Kind = ControlKind.Failed, Text = "why" });
        Assert.Equal("why", launcher.Receive()!.Text);
    }
}
