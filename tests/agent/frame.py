# SPDX-License-Identifier: BSD-2-Clause
"""frame.py INTERFACE MAC: sends an IPv4 packet whose header says that it is shorter than a header can be."""
import socket
import sys

interface, mac = sys.argv[1:]
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
    sock.bind((interface, 0))
    sock.send(bytes.fromhex(mac.replace(":", "")) + b"\2\0\0\0\0\x66\x08\0" + b"\x42" + bytes(59))
