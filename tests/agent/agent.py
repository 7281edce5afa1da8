# SPDX-License-Identifier: BSD-2-Clause
"""An agent's two ends, for tests.

    agent.py ask LISTEN MESSAGE…     sends each message from a bound socket and prints what is answered within a
                                     moment after the last, decoded, a line each; a list is read to its end
    agent.py send LISTEN MESSAGE…    sends without a name of its own
    agent.py listen NOTIFY FILE      decodes notifications into FILE, a line each, until it is ended
"""
import json
import os
import socket
import sys

from dpwire import decode

ANSWER_S = 10  # surely more than it takes; what is never answered is asked with a keep-alive behind it
SEQUENCE = 0x5eed


def ask(listen, messages):
    """All answers, but for that to the keep-alive that marks the end."""
    path = f"{os.path.dirname(listen)}/dp_client.{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        try:
            sock.connect(listen)
            sock.settimeout(ANSWER_S)
            for message in messages:
                sock.send(message.encode())
            sock.send(json.dumps({"ctrl_keep_alive": {"seq_num": SEQUENCE}}).encode())
            answers, ended = [], False
            while not ended or (answers and answers[-1]["more"]):
                answer = decode(sock.recv(8192))
                if answer["kind"] == 10 and answer["sequence"] == SEQUENCE:
                    ended = True
                else:
                    answers.append(answer)
            return answers
        finally:
            os.unlink(path)


def send(listen, messages):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(listen)
        for message in messages:
            sock.send(message.encode())


def listen(notify, path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, open(path, "a", buffering=1) as out:
        if os.path.exists(notify):
            os.unlink(notify)
        sock.bind(notify)
        out.write('{"kind": 0}\n')
        while True:
            out.write(json.dumps(decode(sock.recv(8192))) + "\n")


if __name__ == "__main__":
    verb, where, *rest = sys.argv[1:]
    if verb == "ask":
        for item in ask(where, rest):
            print(json.dumps(item))
    elif verb == "send":
        send(where, rest)
    else:
        listen(where, rest[0])
