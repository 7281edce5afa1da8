# SPDX-License-Identifier: BSD-2-Clause
"""dns.py serve ADDRESS           answers every question with 10.77.0.1, until it is ended
dns.py ask SERVER NAME         asks for its address, and prints the answer's length"""
import socket
import struct
import sys

verb, server, *rest = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    if verb == "serve":
        sock.bind((server, 53))
        print("ready", flush=True)
        while True:
            question, peer = sock.recvfrom(512)
            answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 300, 4) + bytes([10, 77, 0, 1])
            sock.sendto(question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question[12:] + answer, peer)
    name = b"".join(bytes([len(part)]) + part.encode() for part in rest[0].split(".")) + b"\0"
    sock.settimeout(5)
    sock.sendto(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1", (server, 53))
    print(len(sock.recv(512)))
