using System;
using System.Text;
using Abi.Linux;
using Sentry.Mm;
using Sentry.Tty;
using Xunit;

namespace Tests.Sentry.Tty;

/// <summary>The line discipline alone, against what Linux's n_tty shows and returns for the same keys.</summary>
public sealed class LineDisciplineTests
{
    private readonly Screen _screen = new();
    private readonly LineDiscipline _tty;

    public LineDisciplineTests()
    {
        _tty = new LineDiscipline(_screen, TtySettings.ForSlave());
        _screen.Owner = _tty;
    }

    [Fact]
    public void A_line_can_be_read_when_it_ends()
    {
        Type("ab");
        Assert.False(_tty.IsReadable(1));
        Type("c\n");
        Assert.Equal("abc\n", ReadAll(100));
        Assert.Equal("abc\r\n", _screen.Taken());
    }

    [Fact]
    public void Erase_takes_the_last_character_and_wipes_it()
    {
        Type("abx\u007fc\r");
        Assert.Equal("abc\n", ReadAll(100));
        Assert.Equal("abx\b \bc\r\n", _screen.Taken());
    }

    [Fact]
    public void Erase_stops_at_the_start_of_the_line()
    {
        Type("a\u007f\u007f\u007fb\n");
        Assert.Equal("b\n", ReadAll(100));
        Assert.Equal("a\b \bb\r\n", _screen.Taken());
    }

    [Fact]
    public void Erase_wipes_both_columns_of_a_control_character()
    {
        Type("\u0001\u007f");
        Assert.Equal("^A\b \b\b \b", _screen.Taken());
    }

    [Fact]
    public void Erase_of_a_tab_goes_back_over_its_columns()
    {
        Type("ab\t\u007f");
        Assert.Equal("ab\t\b\b\b\b\b\b", _screen.Taken());
    }

    [Fact]
    public void Erase_takes_a_whole_character_of_utf8()
    {
        Change(iflagSet: Termbits.IUTF8);
        Type("a\u00c3\u00a9\u007f\n");
        Assert.Equal("a\n", ReadAll(100));
        Assert.Equal("a\u00c3\u00a9\b \b\r\n", _screen.Taken());
    }

    [Fact]
    public void Word_erase_takes_one_word_and_the_blanks_after_it()
    {
        Type("one two  \u0017x\n");
        Assert.Equal("one x\n", ReadAll(100));
    }

    [Fact]
    public void Kill_takes_the_whole_line()
    {
        Type("abc\u0015d\n");
        Assert.Equal("d\n", ReadAll(100));
        Assert.Equal("abc\b \b\b \b\b \bd\r\n", _screen.Taken());
    }

    [Fact]
    public void Kill_without_visual_erasing_shows_itself_and_a_new_line()
    {
        Change(lflagClear: Termbits.ECHOKE);
        Type("abc\u0015");
        Assert.Equal("abc^U\r\n", _screen.Taken());
    }

    [Fact]
    public void Literal_next_takes_the_meaning_from_a_key()
    {
        Type("a\u0016\u0003b\n");
        Assert.Equal("a\u0003b\n", ReadAll(100));
        Assert.Equal("a^\b^Cb\r\n", _screen.Taken());
        Assert.Equal(0, _screen.Signal);
    }

    [Fact]
    public void Reprint_shows_the_line_again()
    {
        Type("abc\u0012");
        Assert.Equal("abc^R\r\nabc", _screen.Taken());
    }

    [Fact]
    public void End_of_file_after_bytes_gives_them_without_a_mark()
    {
        Type("abc\u0004def\n");
        Assert.Equal("abc", ReadAll(100));
        Assert.Equal("def\n", ReadAll(100));
    }

    [Fact]
    public void End_of_file_alone_gives_nothing()
    {
        Type("\u0004");
        Assert.True(_tty.IsReadable(1));
        Assert.Equal("", ReadAll(100));
        Assert.False(_tty.IsReadable(1));
    }

    [Fact]
    public void A_read_that_is_just_filled_takes_the_end_of_file_along()
    {
        Type("abc\u0004");
        Assert.Equal("abc", ReadAll(3));
        Assert.False(_tty.IsReadable(1));
    }

    [Fact]
    public void A_short_read_leaves_the_rest_of_the_line()
    {
        Type("abcdef\n");
        Assert.Equal("abcd", ReadAll(4));
        Assert.Equal("ef\n", ReadAll(4));
    }

    [Fact]
    public void Two_lines_are_two_reads()
    {
        Type("one\ntwo\n");
        Assert.Equal(8, _tty.CountReadable());
        Assert.Equal("one\n", ReadAll(100));
        Assert.Equal("two\n", ReadAll(100));
    }

    [Fact]
    public void Interrupt_signals_and_forgets_the_line()
    {
        Type("abc\u0003\n");
        Assert.Equal(Signals.SIGINT, _screen.Signal);
        Assert.Equal("\n", ReadAll(100));
        Assert.Equal("^C\r\n", _screen.Taken());
    }

    [Fact]
    public void Interrupt_without_flush_keeps_the_line()
    {
        Change(lflagSet: Termbits.NOFLSH);
        Type("abc\u0003\n");
        Assert.Equal("abc\n", ReadAll(100));
    }

    [Fact]
    public void Keys_without_signals_are_data()
    {
        Change(lflagClear: Termbits.ISIG);
        Type("\u0003\u001a\n");
        Assert.Equal("\u0003\u001a\n", ReadAll(100));
        Assert.Equal(0, _screen.Signal);
    }

    [Fact]
    public void Stopped_output_holds_the_echo_back()
    {
        Type("\u0013abc");
        Assert.Equal("", _screen.Taken());
        Type("\u0011");
        Assert.Equal("abc", _screen.Taken());
    }

    [Fact]
    public void A_line_of_more_than_the_buffer_keeps_its_end()
    {
        Change(lflagClear: Termbits.ECHO);
        Type(new string('x', 5000) + "\n");
        string line = ReadAll(8192);
        Assert.Equal(LineDiscipline.BufferBytes, line.Length);
        Assert.EndsWith("x\n", line);
    }

    [Fact]
    public void A_full_buffer_takes_nothing_more_without_canonical_mode()
    {
        Change(lflagClear: Termbits.ICANON | Termbits.ECHO);
        Assert.Equal(LineDiscipline.BufferBytes - 1, _tty.Receive(new byte[5000]));
        Assert.Equal(10, ReadAll(10).Length);
        Assert.Equal(10, _tty.Receive(new byte[100]));
    }

    [Fact]
    public void Bytes_typed_without_canonical_mode_become_a_line_with_it()
    {
        Change(lflagClear: Termbits.ICANON | Termbits.ECHO);
        Type("abc");
        Change(lflagSet: Termbits.ICANON);
        Assert.True(_tty.IsReadable(1));
        Assert.Equal("abc", ReadAll(100));
    }

    [Fact]
    public void Input_mapping_turns_returns_and_new_lines()
    {
        Change(iflagSet: Termbits.IGNCR, lflagClear: Termbits.ECHO);
        Type("a\rb\n");
        Assert.Equal("ab\n", ReadAll(100));
        Change(iflagClear: Termbits.IGNCR | Termbits.ICRNL, iflagSet: Termbits.INLCR, lflagClear: Termbits.ICANON);
        Type("a\nb");
        Assert.Equal("a\rb", ReadAll(100));
    }

    [Fact]
    public void Output_processing_expands_new_lines_and_tabs()
    {
        Change(oflagSet: Termbits.XTABS);
        _tty.Write("a\tb\n"u8);
        Assert.Equal("a       b\r\n", _screen.Taken());
        Change(oflagClear: Termbits.OPOST);
        _tty.Write("a\n"u8);
        Assert.Equal("a\n", _screen.Taken());
    }

    [Fact]
    public void Random_keys_never_break_the_counters()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        byte[] keys = [3, 4, 8, 9, 10, 13, 17, 18, 19, 21, 22, 23, 26, 28, 127, 65, 66, 32, 0xC3, 0xA9, 0xFF];
        for (int i = 0; i < 200000; i++)
        {
            _tty.Receive([keys[random.Next(keys.Length)]]);
            if (random.Next(50) == 0)
            {
                ReadAll(random.Next(1, 40));
            }

            if (random.Next(500) == 0)
            {
                Toggle(random);
            }

            _screen.Taken();
            Assert.True(_tty.CountReadable() is >= 0 and <= LineDiscipline.BufferBytes, "seed " + seed);
        }
    }

    private void Toggle(Random random)
    {
        Termios2 settings = _tty.Settings;
        settings.c_lflag ^= 1u << random.Next(17);
        settings.c_iflag ^= 1u << random.Next(15);
        settings.c_oflag ^= 1u << random.Next(8);
        _tty.Configure(settings);
    }

    private void Change(
        uint iflagSet = 0,
        uint iflagClear = 0,
        uint oflagSet = 0,
        uint oflagClear = 0,
        uint lflagSet = 0,
        uint lflagClear = 0)
    {
        Termios2 settings = _tty.Settings;
        settings.c_iflag = (settings.c_iflag | iflagSet) & ~iflagClear;
        settings.c_oflag = (settings.c_oflag | oflagSet) & ~oflagClear;
        settings.c_lflag = (settings.c_lflag | lflagSet) & ~lflagClear;
        _tty.Configure(settings);
    }

    private void Type(string keys)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(keys);
        Assert.Equal(bytes.Length, _tty.Receive(bytes));
    }

    private string ReadAll(int room)
    {
        byte[] buffer = new byte[room];
        IoSequence destination = IoSequence.FromBuffer(buffer);
        Assert.Equal(Errno.None, _tty.Read(ref destination, out long done, out _));
        return Encoding.Latin1.GetString(buffer, 0, (int)done);
    }

    private sealed class Screen : ITtyDriver
    {
        private readonly StringBuilder _text = new();

        public int Signal { get; private set; }

        public bool IsOutputStopped { get; private set; }

        public bool IsStoppedByCall => false;

        public string Taken()
        {
            string text = _text.ToString();
            _text.Clear();
            return text;
        }

        public void WriteOutput(ReadOnlySpan<byte> bytes) => _text.Append(Encoding.Latin1.GetString(bytes));

        public void StopOutput() => IsOutputStopped = true;

        public void StartOutput()
        {
            IsOutputStopped = false;
            Owner?.ReleaseEcho();
        }

        public LineDiscipline? Owner { get; set; }

        public void FlushOutput() => _text.Clear();

        public void OnInputFlushed()
        {
        }

        public void SignalForeground(int signal) => Signal = signal;

        public void OnInputReady()
        {
        }
    }
}
