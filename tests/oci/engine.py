"""What a containerd shim does, for the cases: it is the child subreaper of what it starts, so it learns the exit status of
the process ids that pid files name, and it listens on console sockets.

usage: engine.py RUNSC PLATFORM ROOT WORK COMMAND [ARGUMENTS]
"""
import array
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

runsc, flags, root, work, command = sys.argv[1:6]
arguments = sys.argv[6:]
bundle = os.path.join(work, "bundle")
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def call(*words, **options):
    return subprocess.run([runsc, *flags.split(), "--root", root, *words], timeout=60, **options)


def pid_in(name):
    with open(os.path.join(work, name)) as file:
        return int(file.read())


def reap(pid, seconds=30):
    """Exit status of an adopted child as a shell shows it."""
    end = time.time() + seconds
    while time.time() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found == pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return "still there"


def reap_all():
    end = time.time() + 10
    while time.time() < end:
        try:
            os.waitpid(-1, os.WNOHANG)
            time.sleep(0.01)
        except ChildProcessError:
            return
    print("children are left")


class Console:
    """A console socket and the master that comes over it."""

    def __init__(self, name):
        self.path = os.path.join(work, name)
        self.listener = socket.socket(socket.AF_UNIX)
        directory = os.open(work, os.O_PATH)
        self.listener.bind(f"/proc/self/fd/{directory}/{name}")
        self.listener.listen(1)
        self.text = b""

    def accept(self):
        self.listener.settimeout(20)
        connection, _ = self.listener.accept()
        _, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
        fds = array.array("i")
        fds.frombytes(ancillary[0][2][:4])
        self.master = fds[0]
        connection.close()

    def expect(self, word, seconds=20):
        end = time.time() + seconds
        while word.encode() not in self.text and time.time() < end:
            ready, _, _ = select.select([self.master], [], [], 0.2)
            try:
                self.text += os.read(self.master, 4096) if ready else b""
            except OSError:
                break
        if word.encode() not in self.text:
            if seconds > 1:
                print("no", word, "in", self.text)
            return False
        self.text = self.text[self.text.index(word.encode()) + len(word):]
        return True

    def type(self, text):
        os.write(self.master, text.encode())

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def statuses():
    """create, start, reap: the container's pid ends with the status of its first process."""
    call("create", "--bundle", bundle, "--pid-file", os.path.join(work, "pid"), "one")
    call("start", "one")
    if arguments:
        time.sleep(0.3)
        call("kill", "one", arguments[0])
    print(reap(pid_in("pid")))
    print(call("wait", "one", capture_output=True, text=True).stdout.strip())
    call("delete", "one")


def console():
    terminal = Console("console.sock")
    call("create", "--bundle", bundle, "--console-socket", terminal.path, "--pid-file", os.path.join(work, "pid"),
         "one")
    terminal.accept()
    call("start", "one")
    terminal.expect("ready")
    terminal.type("stty size\n")
    terminal.expect("10 20")
    terminal.resize(33, 44)
    for _ in range(50):
        terminal.type("echo size `stty size`\n")
        if terminal.expect("size 33 44", 0.3):
            break
    else:
        print("the new size did not come")
    terminal.type("tty; exit 9\n")
    terminal.expect("/dev/pts/0")
    print(reap(pid_in("pid")))
    call("delete", "one")


def console_exec():
    terminal = Console("console.sock")
    done = call("exec", "--tty", "--detach", "--console-socket", terminal.path, "--pid-file", os.path.join(work, "pid"),
                "one", "sh", "-c", "echo ready; while read line; do eval \"$line\"; done", capture_output=True, text=True)
    print(done.stderr, end="")
    terminal.accept()
    terminal.expect("ready")
    terminal.resize(12, 34)
    for _ in range(50):
        terminal.type("echo size `stty size`\n")
        if terminal.expect("size 12 34", 0.3):
            break
    else:
        print("the new size did not come")
    terminal.type("exit 5\n")
    print(reap(pid_in("pid")))


def detached_exec():
    """The waiting process passes signals on and ends as the process inside; killed, it takes that along."""
    pid_file = os.path.join(work, "pid")

    def start(script):
        call("exec", "--detach", "--pid-file", pid_file, "one", "sh", "-c", script, stdout=subprocess.DEVNULL)
        return pid_in("pid")

    print(reap(start("exit 7")))
    pid = start("trap 'exit 3' TERM; while :; do sleep 0.1; done")
    time.sleep(0.5)
    os.kill(pid, signal.SIGTERM)
    print(reap(pid))
    pid = start("exec sleep 2000")
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    print(reap(pid))
    for _ in range(100):
        if "sleep 2000" not in call("ps", "one", capture_output=True, text=True).stdout:
            break
        time.sleep(0.05)
    else:
        print("the process inside still runs")
    pid = start("exec sleep 2000")
    call("kill", "one", "KILL")
    print(reap(pid))


globals()[command]()
call("delete", "--force", "one") if command in ("statuses", "console") else None
reap_all() if command in ("statuses", "console") else None
