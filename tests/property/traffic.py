# SPDX-License-Identifier: BSD-2-Clause
"""Connections that are open all the while, and datagrams, between a workload and its host.

Why: a port with the right addresses that carries nothing would pass every comparison.

Invariant: what got through before a port was taken must get through at any time afterwards; what did not (a port
without ARP, one that is down) proves nothing and is not asked.
"""
import contextlib
import socket

WAIT_S = 3.0
TRY_S = 0.4


def make(namespace, family, kind):
    with namespace.inside():
        sock = socket.socket(family, kind)
    sock.settimeout(WAIT_S)
    return sock


class Pair:
    """A TCP connection and two UDP sockets of one family."""

    def __init__(self, host, workload, host_ip, workload_ip, port, patience):
        family = socket.AF_INET6 if ":" in workload_ip else socket.AF_INET
        self.label = "IPv6" if family == socket.AF_INET6 else "IPv4"
        self.count = 0
        self.open = contextlib.ExitStack()
        listener = self.keep(make(workload, family, socket.SOCK_STREAM))
        self.udp_workload = self.keep(make(workload, family, socket.SOCK_DGRAM))
        self.udp_host = self.keep(make(host, family, socket.SOCK_DGRAM))
        self.client = self.keep(make(host, family, socket.SOCK_STREAM))
        listener.bind((workload_ip, port))
        listener.listen(1)
        self.udp_workload.bind((workload_ip, port))
        self.udp_host.bind((host_ip, port))
        self.far_host, self.far_workload = (host_ip, port), (workload_ip, port)
        self.client.settimeout(patience)
        self.client.connect(self.far_workload)
        self.client.settimeout(WAIT_S)
        self.server = self.keep(listener.accept()[0])
        self.server.settimeout(WAIT_S)

    def keep(self, sock):
        self.open.callback(sock.close)
        return sock

    def exchange(self):
        """None, or what did not arrive."""
        self.count += 1
        token = b"%06d" % self.count
        ways = (("TCP to the workload", lambda: self.client.sendall(token), lambda: self.server.recv(6)),
                ("TCP from the workload", lambda: self.server.sendall(token), lambda: self.client.recv(6)),
                ("UDP to the workload", lambda: self.udp_host.sendto(token, self.far_workload),
                 lambda: self.fresh(self.udp_workload, token)),
                ("UDP from the workload", lambda: self.udp_workload.sendto(token, self.far_host),
                 lambda: self.fresh(self.udp_host, token)))
        for label, send, receive in ways:
            try:
                send()
                got = receive()
            except OSError as e:
                return f"{self.label}: {label}: {e}"
            if got != token:
                return f"{self.label}: {label}: {got!r} came instead of {token!r}"
        return None

    @staticmethod
    def fresh(sock, token):
        """In tap, a datagram may come twice when the mode changes: older ones are passed over."""
        while True:
            got = sock.recv(16)
            if got >= token:
                return got

    def close(self):
        self.open.close()


def connect(host, workload, pairs, patient):
    """(the pairs that work, complaints of those that do not)"""
    made, failed = [], []
    for i, (host_ip, workload_ip) in enumerate(pairs):
        try:
            made.append(Pair(host, workload, host_ip, workload_ip, 5000 + i, WAIT_S if patient else TRY_S))
        except OSError as e:
            failed.append(f"{workload_ip}: {e}")
    return made, failed
