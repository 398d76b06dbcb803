#!/usr/bin/env python3
"""Drives a command under a pseudo terminal of the host.

terminal.py dialogue COMMAND...            an interactive bash is typed at; prints what it showed and its status
terminal.py restore WHOM SIGNAL COMMAND... WHOM (launcher, sandbox, gofer) gets a signal when the command has said
                                           READY: the terminal must be raw before and as it was afterwards
terminal.py hangup COMMAND...              the terminal goes away when the command has said READY; prints the status
terminal.py size ROWS COLUMNS COMMAND...   runs it on a terminal of that size; prints what it showed and its status
"""
import fcntl
import os
import re
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 30
PROMPT = r'(\n|\x1b\[\?2004h)prompt> $'


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))


class Screen:
    """The command and the master side of its terminal."""

    def __init__(self, command, rows=40, columns=100):
        self.master, self.slave = os.openpty()
        set_size(self.master, rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.past = ''
        self.seen = ''
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(self.slave, fd)
            os.closerange(3, 256)
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.execvp(command[0], command)

    def fail(self, message):
        print('FAIL', message, 'in', repr((self.past + self.seen)[-2000:]))
        os.kill(self.pid, signal.SIGKILL)
        sys.exit(1)

    def read(self):
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b''
        self.seen += data.decode('latin-1')
        return data

    def until(self, pattern):
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.seen):
            if time.monotonic() > end:
                self.fail('no ' + pattern)
            if select.select([self.master], [], [], 1)[0] and not self.read():
                self.fail('the end instead of ' + pattern)
        seen, self.seen = self.seen, ''
        self.past += seen
        return seen

    def send(self, text):
        os.write(self.master, text.encode('latin-1'))

    def wait(self):
        """What is still shown, and the exit status as a shell has it."""
        end = time.monotonic() + PATIENCE
        while True:
            if select.select([self.master], [], [], 0.02)[0]:
                self.read()
                continue
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                while select.select([self.master], [], [], 0.1)[0] and self.read():
                    pass
                return self.seen, os.waitstatus_to_exitcode(status)
            if time.monotonic() > end:
                self.fail('no end')


READY = "sh -c 'echo REA''DY; exec sleep 1000'\r"
TRAP = ("perl -e '$| = 1; $SIG{CONT} = sub { print \"AWA\" . \"KE\\n\" }; print \"REA\" . \"DY\\n\"; "
        "select(undef, undef, undef, 1) while 1'\r")
RESIZED = "sh -c 'trap \"stty size; exit 3\" WINCH; echo REA''DY; while :; do sleep 0.05; done'\r"

# What is typed, and what must be shown before the next line is typed.
DIALOGUE = [
    ("stty size\r", PROMPT),
    ("tty\r", PROMPT),
    ("stty -a\r", PROMPT),
    ("ulimit -c 0; echo $((6*7))\r", PROMPT),
    # Stop, list, background, end.
    (READY, r'READY'),
    ("\x1a", PROMPT),
    ("jobs\r", PROMPT),
    ("bg\r", PROMPT),
    ("jobs\r", PROMPT),
    ("kill %1; wait %1; echo status $?\r", PROMPT),
    # Stop, foreground, interrupt.
    (TRAP, r'READY'),
    ("\x1a", PROMPT),
    ("fg\r", r'AWAKE'),
    ("\x03", PROMPT),
    ("echo status $?\r", PROMPT),
    # Keys that are signals.
    (READY, r'READY'),
    ("\x03", PROMPT),
    ("echo status $?\r", PROMPT),
    (READY, r'READY'),
    ("\x1c", PROMPT),
    ("echo status $?\r", PROMPT),
    ("(sleep 0.1; exit 7) & wait $!; echo status $?\r", PROMPT),
    # Lines of the line discipline: erase, kill, end of file.
    ("sh -c 'echo REA''DY; exec cat'\r", r'READY'),
    ("typpo\x7f\x7fed\r", r'\ntyped|typed\r\n.*typed\r\n'),
    ("\x04", PROMPT),
    # The line editor works in raw mode: cursor keys, history.
    ("echo aXb\x1b[D\x1b[D\x1b[3~-\r", PROMPT),
    ("\x1b[A\r", PROMPT),
    ("sleep 0; echo \x16\x03\r", PROMPT),
    # A full-screen program.
    ("cd /tmp; rm -f note; busybox vi note\r", r'note.* 1/1|No file'),
    ("iwritten in vi\x1b", r'vi'),
    (":wq\r", PROMPT),
    ("cat note\r", PROMPT),
    # A new size reaches the foreground.
    (RESIZED, r'READY'),
    ((50, 120), PROMPT),
    ("stty size; echo $COLUMNS\r", PROMPT),
    ("stty raw -echo; echo REA''DY; head -c 3 | od -c; stty sane\r", r'READY'),
    ("\x03\x04z", PROMPT),
    ("setsid -w tty; echo status $?; tty </dev/null; echo status $?\r", PROMPT),
    ("exit 7\r", r'exit\r\n'),
]


def dialogue(command):
    screen = Screen(command)
    shown = screen.until('prompt> $')
    for typed, awaited in DIALOGUE:
        if isinstance(typed, tuple):
            set_size(screen.master, *typed)
        else:
            screen.send(typed)
        shown += screen.until(awaited)
    rest, status = screen.wait()
    shown += rest
    shown = re.sub(r'/dev/pts/\d+', '/dev/pts/N', shown)
    shown = re.sub(r'\[(\d+)\] \d+', r'[\1] PID', shown)
    print(shown.replace('\r', '').replace('\x1b', '^['))
    print('exit status', status)


def find(launcher, whom):
    word = {'sandbox': 'boot', 'gofer': 'gofer'}[whom]
    for entry in os.listdir('/proc'):
        if not entry.isdigit():
            continue
        try:
            parent = int(open(f'/proc/{entry}/stat').read().rsplit(')', 1)[1].split()[1])
            words = open(f'/proc/{entry}/cmdline').read().split('\0')
        except OSError:
            continue
        if parent == launcher and word in words:
            return int(entry)
    raise SystemExit(f'FAIL no {whom} below {launcher}')


def restore(whom, name, command):
    screen = Screen(command)
    screen.until('READY')
    if termios.tcgetattr(screen.slave)[3] & termios.ICANON:
        screen.fail('the terminal is not raw')
    target = screen.pid if whom == 'launcher' else find(screen.pid, whom)
    os.kill(target, getattr(signal, 'SIG' + name))
    shown, status = screen.wait()
    # A launcher that was killed restores nothing: its guard does, a moment later.
    end = time.monotonic() + (PATIENCE if name == 'KILL' and whom == 'launcher' else 0)
    while termios.tcgetattr(screen.slave) != screen.before:
        if time.monotonic() > end:
            screen.fail('the terminal was not restored')
        time.sleep(0.02)
    print(f'restored, status {status}')
    print(shown.replace('\r', ''), end='')


def hangup(command):
    screen = Screen(command)
    screen.until('READY')
    os.close(screen.slave)
    os.close(screen.master)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        done, status = os.waitpid(screen.pid, os.WNOHANG)
        if done:
            print('status', os.waitstatus_to_exitcode(status))
            return
        time.sleep(0.02)
    os.kill(screen.pid, signal.SIGKILL)
    print('FAIL no end')
    sys.exit(1)


def size(rows, columns, command):
    screen = Screen(command, rows, columns)
    shown, status = screen.wait()
    print(shown.replace('\r', ''), end='')
    print('exit status', status)


if __name__ == '__main__':
    what = sys.argv[1]
    if what == 'dialogue':
        dialogue(sys.argv[2:])
    elif what == 'restore':
        restore(sys.argv[2], sys.argv[3], sys.argv[4:])
    elif what == 'hangup':
        hangup(sys.argv[2:])
    else:
        size(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
