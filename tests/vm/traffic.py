# SPDX-License-Identifier: BSD-2-Clause
"""traffic.py HOST_PID HOST_IF WORKLOAD_PID WORKLOAD_IF: sends frames both ways, one after the other, and waits for each.

The frames are the same at every run, byte by byte, so what two systems make of them can be compared. What arrives is
for captures to say; here it is only waited for. The exit status is 1 if something did not arrive.
"""
import ctypes
import os
import select
import socket
import struct
import sys

HOST_MAC = bytes.fromhex("06829c025491")
WORKLOAD_MAC = bytes.fromhex("1a27f3873a27")
BROADCAST = b"\xff" * 6
ETH_P_ALL = 3
OUTGOING = 4
PATIENCE_S = 20


def sum16(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ether(to, of, kind, payload):
    return (to + of + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def ipv4(src, dst, protocol, payload, number, fragment=0):
    def head(check):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number, fragment, 64, protocol, check,
                           socket.inet_aton(src), socket.inet_aton(dst))
    return head(sum16(head(0))) + payload


def pseudo(src, dst, protocol, length, family):
    raw = socket.inet_pton(family, src) + socket.inet_pton(family, dst)
    return raw + (struct.pack("!BBH", 0, protocol, length) if family == socket.AF_INET else
                  struct.pack("!IHBB", length, 0, 0, protocol))


def udp(src, dst, sport, dport, data, family=socket.AF_INET):
    length = 8 + len(data)
    check = sum16(pseudo(src, dst, 17, length, family) + struct.pack("!HHHH", sport, dport, length, 0) + data)
    return struct.pack("!HHHH", sport, dport, length, check) + data


def tcp(src, dst, sport, dport, seq, ack, flags, data=b""):
    def segment(check):
        return struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 65000, check, 0) + data
    return segment(sum16(pseudo(src, dst, 6, 20 + len(data), socket.AF_INET) + segment(0)))


def icmp_answer(number, data):
    def message(check):
        return struct.pack("!BBHHH", 0, 0, check, 7, number) + data
    return message(sum16(message(0)))


def ipv6(src, dst, following, payload):
    return struct.pack("!IHBB", 0x60000000, len(payload), following, 64) + socket.inet_pton(
        socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst) + payload


def pattern(n):
    return bytes(i * 7 & 0xFF for i in range(n))


def steps(src, dst, of, to, forth):
    """What one side sends to the other: lists of frames that arrive together."""
    number = 100 if forth else 200
    for size in (0, 18, 64, 300, 512, 1000, 1400, 1472):
        number += 1
        yield [ether(to, of, 0x800, ipv4(src, dst, 17, udp(src, dst, 4000, 5000, pattern(size)), number))]
    yield [ether(to, of, 0x800, ipv4(src, dst, 1, icmp_answer(number, pattern(56)), number + 1))]
    yield [ether(to, of, 0x800, ipv4(src, dst, 1, icmp_answer(number, pattern(1400)), number + 2))]
    # Protocols without ports.
    yield [ether(to, of, 0x800, ipv4(src, dst, 47, b"\0\0\x08\0" + pattern(40), number + 3))]
    yield [ether(to, of, 0x800, ipv4(src, dst, 50, pattern(60), number + 4))]
    # A datagram in two pieces: the core may hold the first until the second is there.
    whole = udp(src, dst, 4001, 5001, pattern(1600))
    yield [ether(to, of, 0x800, ipv4(src, dst, 17, whole[:1480], 7777, 0x2000)),
           ether(to, of, 0x800, ipv4(src, dst, 17, whole[1480:], 7777, 185))]
    # Not for the core: neighbours, groups.
    hardware = struct.pack("!HHBBH", 1, 0x800, 6, 4, 1)
    yield [ether(BROADCAST, of, 0x806,
                 hardware + of + socket.inet_aton(src) + bytes(6) + socket.inet_aton(dst))]
    yield [ether(bytes.fromhex("01005e0000fb"), of, 0x800,
                 ipv4(src, "224.0.0.251", 17, udp(src, "224.0.0.251", 5353, 5353, pattern(40)), number + 5))]
    yield [ether(BROADCAST, of, 0x800,
                 ipv4(src, "255.255.255.255", 17, udp(src, "255.255.255.255", 68, 67, pattern(240)), number + 6))]
    # What the rules of the seed never show to its core, but deliver.
    a, b = ("fd00::66", "fd00::88") if forth else ("fd00::88", "fd00::66")
    yield [ether(to, of, 0x86DD, ipv6(a, b, 17, udp(a, b, 4000, 5000, pattern(300), socket.AF_INET6)))]
    yield [ether(to, of, 0x8100, struct.pack("!HH", 5, 0x800) +
                 ipv4(src, dst, 17, udp(src, dst, 4002, 5002, pattern(100)), number + 7))]


def conversation(host, workload):
    """A TCP connection, from the handshake to its end: (from the host?, frame)."""
    def there(*segment):
        return True, [ether(WORKLOAD_MAC, HOST_MAC, 0x800, ipv4(host, workload, 6, tcp(host, workload, *segment), segment[2] & 0xFFFF))]

    def back(*segment):
        return False, [ether(HOST_MAC, WORKLOAD_MAC, 0x800, ipv4(workload, host, 6, tcp(workload, host, *segment), segment[2] & 0xFFFF))]
    ask = b"GET / HTTP/1.1\r\nHost: workload\r\n\r\n"
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + pattern(1000)
    yield there(40000, 8080, 1000, 0, 0x02)
    yield back(8080, 40000, 9000, 1001, 0x12)
    yield there(40000, 8080, 1001, 9001, 0x10)
    yield there(40000, 8080, 1001, 9001, 0x18, ask)
    yield back(8080, 40000, 9001, 1001 + len(ask), 0x18, body)
    yield there(40000, 8080, 1001 + len(ask), 9001 + len(body), 0x11)
    yield back(8080, 40000, 9001 + len(body), 1002 + len(ask), 0x11)
    yield there(40000, 8080, 1002 + len(ask), 9002 + len(body), 0x10)


def packet_socket(pid, interface):
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/%s/ns/net" % pid, encoding="ascii") as there:
        if libc.setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((interface, ETH_P_ALL))
    return sock


def arrives(sock, how_many):
    while how_many:
        if not select.select([sock], [], [], PATIENCE_S)[0]:
            return False
        kind = sock.recvfrom(2048)[1][2]
        how_many -= kind != OUTGOING
    return True


def main():
    host = packet_socket(sys.argv[1], sys.argv[2])
    workload = packet_socket(sys.argv[3], sys.argv[4])
    todo = [(True, s) for s in steps("10.10.10.66", "10.10.10.88", HOST_MAC, WORKLOAD_MAC, True)]
    todo += [(False, s) for s in steps("10.10.10.88", "10.10.10.66", WORKLOAD_MAC, HOST_MAC, False)]
    todo += list(conversation("10.10.10.66", "10.10.10.88"))
    lost = 0
    for forth, frames in todo:
        sender, receiver = (host, workload) if forth else (workload, host)
        for frame in frames:
            sender.send(frame)
        if not arrives(receiver, len(frames)):
            lost += 1
            print("lost %s: %s" % ("to the workload" if forth else "from it", frames[0][:60].hex()))
    print("%d steps, %d frames, %d lost" % (len(todo), sum(len(f) for _, f in todo), lost))
    return 1 if lost else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
