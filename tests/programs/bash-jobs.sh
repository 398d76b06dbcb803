# An interactive bash under a pseudo-terminal: prompts, job control, signals from the keyboard, end of file.
cd /tmp
cat >terminal.py <<'PYTHON'
import os, pty, re, select, sys, termios, struct, fcntl, time

pid, master = pty.fork()
if pid == 0:
    os.environ.update(PS1='$ ', PS2='> ', HISTFILE='')
    os.execv('/bin/bash', ['bash', '--norc', '--noprofile', '--noediting', '-i'])
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 99, 0, 0))
seen = ''

def until(pattern):
    global seen
    end = time.monotonic() + 30
    while not re.search(pattern, seen):
        if time.monotonic() > end:
            print('no', pattern, 'in', repr(seen)); sys.exit(1)
        if select.select([master], [], [], 1)[0]:
            try:
                data = os.read(master, 4096)
            except OSError:
                data = b''
            if not data:
                break
            seen += data.decode()
    show, seen = seen, ''
    show = re.sub(r'\[(\d+)\] \d+', r'[\1] PID', show)
    print(show.replace('\r', ''), end='')

def send(text):
    os.write(master, text.encode())

def state_of_child(wanted):
    # Waits until a foreground command sleeps, so that what is typed next reaches it.
    end = time.monotonic() + 30
    while time.monotonic() < end:
        group = os.tcgetpgrp(master)
        try:
            stat = open(f'/proc/{group}/stat').read()
            if group != pid and stat.rsplit(')', 1)[1].split()[0] == wanted and '(bash)' not in stat:
                return
        except OSError:
            pass
        time.sleep(0.01)
    print('no foreground command in state', wanted); sys.exit(1)

until(r'\$ $')
send('tty | sed "s/[0-9]*$//"; stty size\n'); until(r'99\n.*\$ $|99\r\n\$ $')
send('sleep 100 &\n'); until(r'\$ $')
send('jobs\n'); until(r'sleep 100 &\r\n\$ $')
send('fg\n'); state_of_child('S'); send('\x1a'); until(r'Stopped.*\r\n\$ $')
send('bg\n'); until(r'\$ $')
send('kill %1; wait %1; echo status $?\n'); until(r'status 143\r\n\$ $')
send('sleep 100\n'); state_of_child('S'); send('\x03'); until(r'\$ $')
send('echo status $?\n'); until(r'status 130\r\n\$ $')
send('cat\n'); state_of_child('S'); send('typed line\n'); until(r'typed line\r\ntyped line\r\n'); send('\x04'); until(r'\$ $')
send('sleep 100 | cat\n'); state_of_child('S'); send('\x1c'); until(r'\$ $')
send('(sleep 0.05; exit 7) & wait $!; echo status $?\n'); until(r'status 7\r\n.*\$ $')
send('for i in 1 2 3; do\n'); until('> $'); send('echo $i; done\n'); until(r'3\r\n\$ $')
send('sleep 50 & sleep 60 & jobs | wc -l\n'); until(r'2\r\n\$ $')
send('kill %1; wait %1; echo $?; kill %2; wait %2; echo $? done\n'); until(r'143 done\r\n.*\$ $')
send('exit 5\n'); until('exit\r\n')
print('exit', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
python3 terminal.py
