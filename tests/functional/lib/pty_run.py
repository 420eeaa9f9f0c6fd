"""Runs a command in a terminal of its own: pty_run.py COLUMNS ROWS COMMAND…

What the command writes goes to standard output as it is. Lines of JSON on standard input are done:
{"type": "text"} and {"resize": [columns, rows]}. When the command has ended, one line of JSON on
standard error says how, and whether it gave the terminal back: {"code", "canonical", "echo"}.
"""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios


def resize(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))


def main():
    columns, rows, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    go_read, go_write = os.pipe()
    pid, terminal = pty.fork()
    if pid == 0:
        os.close(go_write)
        os.read(go_read, 1)  # the size is set before the command looks
        os.execvp(command[0], command)
    resize(terminal, columns, rows)
    os.close(go_read)
    os.close(go_write)
    pending = b''
    inputs = [terminal, 0]
    while True:
        ready, _, _ = select.select(inputs, [], [])
        if terminal in ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # everybody has closed the other side
                data = b''
            if not data:
                break
            os.write(1, data)
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                inputs.remove(0)
            pending += data
            *lines, pending = pending.split(b'\n')
            for line in lines:
                order = json.loads(line)
                if 'type' in order:
                    os.write(terminal, order['type'].encode())
                if 'resize' in order:
                    resize(terminal, *order['resize'])
                    os.kill(pid, signal.SIGWINCH)
    _, status = os.waitpid(pid, 0)
    flags = termios.tcgetattr(terminal)[3]
    print(json.dumps({'code': os.waitstatus_to_exitcode(status),
                      'canonical': bool(flags & termios.ICANON),
                      'echo': bool(flags & termios.ECHO)}), file=sys.stderr)


main()
