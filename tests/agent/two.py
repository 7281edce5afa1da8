# SPDX-License-Identifier: BSD-2-Clause
"""two.py LISTEN: who is answered, when several ask and some of them badly. Exit status 0 if it is as it must be."""
import os
import socket
import sys

from dpwire import decode

listen = sys.argv[1]
names = []


def client(name=None):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if name:
        names.append(f"{os.path.dirname(listen)}/dp_client.{name}")
        sock.bind(names[-1])
    sock.connect(listen)
    sock.settimeout(10)
    return sock


def keep_alive(number):
    return b'{"ctrl_keep_alive": {"seq_num": %d}}' % number


def must(sock, number):
    answer = decode(sock.recv(8192))
    assert (answer["kind"], answer["sequence"]) == (10, number), answer


try:
    first, second, nameless = client("first"), client("second"), client()
    first.send(keep_alive(1))
    second.send(keep_alive(2))
    must(first, 1)
    must(second, 2)
    # Without an address: to the one heard before.
    nameless.send(keep_alive(3))
    must(second, 3)
    first.send(keep_alive(2**32 + 4))
    must(first, 4)
    nameless.send(keep_alive(5))
    must(first, 5)
    # Not understood: nothing is answered, and nothing stops.
    for bad in (b"", b"\0", b"[", keep_alive(6) + b" x", b"\xef\xbb\xbf" + keep_alive(7), b'{"ctrl_keep_alive": ' + b"[" * 8000,
                b'{"a": "' + b"x" * 8200 + b'", "ctrl_keep_alive": {"seq_num": 8}}', b'{"ctrl_nothing": 1}'):
        first.send(bad)
    first.send(keep_alive(9) + b"\0 behind a NUL")
    must(first, 9)
    # One that never reads: its queue is full at ten or so; the other does not wait.
    for number in range(300):
        second.send(keep_alive(number))
    first.send(keep_alive(10))
    must(first, 10)
    second.close()
    first.send(keep_alive(11))
    must(first, 11)
finally:
    for path in names:
        os.unlink(path)
