"""Runs a command on a pseudo terminal as a user at a keyboard would, and prints what the user looked for.

usage: terminal.py STEP... -- COMMAND...
A step is '<TEXT' (type it; \\r, \\x03 and the like are read as Python's), '?TYPED=WORD' (type until the word comes),
'@ROWS,COLUMNS?TYPED=WORD' (the same, with a new size of the window each time: docker loses one that comes before it
watches the window, which it begins after the container has started) or a word to wait for. At the end comes the
command's status.
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

PATIENCE = 60
AGAIN = 0.5


class Screen:
    """The master side: what came and has not been looked at."""

    def __init__(self, command):
        self.text = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execvp(command[0], command)

    def read(self, seconds):
        """False at the end."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return True
        try:
            more = os.read(self.master, 4096)
        except OSError:
            more = b""
        self.text += more
        return len(more) > 0

    def find(self, word, seconds):
        end = time.monotonic() + seconds
        while word not in self.text:
            left = end - time.monotonic()
            if left <= 0 or not self.read(left):
                return False
        self.text = self.text[self.text.index(word) + len(word):]
        return True

    def type(self, text):
        os.write(self.master, text.encode().decode("unicode_escape").encode())

    def step(self, step):
        if step.startswith("<"):
            self.type(step[1:])
        elif step[0] in "@?":
            size, typed = step.split("?")
            self.insist(size[1:], *typed.split("="))
        elif self.find(step.encode(), PATIENCE):
            print("saw", step)
        else:
            print("did not see", step, "in", self.text[-200:])

    def insist(self, size, typed, word):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if size:
                rows, columns = map(int, size.split(","))
                self.resize(rows, columns - 1)
                self.resize(rows, columns)
            self.type(typed)
            if self.find(word.encode(), AGAIN):
                print("saw", word)
                return
        print("did not see", word, "in", self.text[-200:])

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self):
        limit = time.monotonic() + PATIENCE
        while self.read(1) and time.monotonic() < limit:
            pass
        found, status = os.waitpid(self.pid, os.WNOHANG)
        while found == 0 and time.monotonic() < limit:
            time.sleep(0.05)
            found, status = os.waitpid(self.pid, os.WNOHANG)
        if found == 0:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        print("status", os.waitstatus_to_exitcode(status) if found else "never")


cut = sys.argv.index("--")
screen = Screen(sys.argv[cut + 1:])
for one in sys.argv[1:cut]:
    screen.step(one)
screen.end()
