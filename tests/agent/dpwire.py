# SPDX-License-Identifier: BSD-2-Clause
"""The binary messages of the existing data plane's control protocol, read by a program that shares nothing with the
encoder: written from the protocol's table (docs/compat.md), with the standard library alone.

    dpwire.py pattern    reads messages as lines of hex from standard input, whose body's bytes count up from 0 but for
                         what is padding, and complains about every field that is not where the table says
    dpwire.py decode     prints each message as a line of JSON
"""
import json
import socket
import struct
import sys

# name, bytes; "-" is padding; text is a C string of so many bytes; "ip" and "mac" are bytes.
LAYOUTS = {
    "app": [("port", 2), ("proto", 2), ("server", 2), ("application", 2), ("ip_proto", 1), ("-", 1)],
    "session": [
        ("id", 4), ("ep_mac", "mac"), ("ethertype", 2), ("client_mac", "mac"), ("server_mac", "mac"),
        ("client_ip", "ip"), ("server_ip", "ip"), ("client_port", 2), ("server_port", 2), ("icmp_code", 1),
        ("icmp_type", 1), ("ip_proto", 1), ("-", 1), ("client_packets", 4), ("server_packets", 4),
        ("client_bytes", 4), ("server_bytes", 4), ("client_asm_packets", 4), ("server_asm_packets", 4),
        ("client_asm_bytes", 4), ("server_asm_bytes", 4), ("client_state", 1), ("server_state", 1), ("idle", 2),
        ("age", 4), ("life", 2), ("application", 2), ("threat", 4), ("policy", 4), ("action", 1), ("severity", 1),
        ("flags", 2), ("xff_ip", "ip"), ("xff_app", 2), ("xff_port", 2)],
    "count": [("total", 4), ("tcp", 4), ("udp", 4), ("icmp", 4), ("ip", 4)],
    "counters": [(name, 8) for name in (
        "rx_packets rx_drop_packets tx_packets tx_drop_packets error_packets no_workload_packets ipv4_packets "
        "ipv6_packets tcp_packets tcp_no_session_packets udp_packets icmp_packets other_packets assemblies "
        "freed_assemblies fragments freed_fragments timeout_fragments total_sessions tcp_sessions udp_sessions "
        "icmp_sessions ip_sessions drop_meters proxy_meters meters log_caches").split()]
    + [(f"parser_sessions{i}", 8) for i in range(20)] + [(f"parser_packets{i}", 8) for i in range(20)]
    + [("policy_type1_rules", 4), ("policy_type2_rules", 4), ("policy_domains", 4), ("policy_domain_ips", 4),
       ("limit_drop_conns", 8), ("limit_pass_conns", 8)],
    "meter": [
        ("ep_mac", "mac"), ("idle", 2), ("count", 4), ("last_count", 4), ("peer_ip", "ip"), ("meter", 1),
        ("flags", 1), ("span", 1), ("-", 1), ("upper", 4), ("lower", 4)],
    "threat": [
        ("threat", 4), ("reported_at", 4), ("count", 4), ("action", 1), ("severity", 1), ("ip_proto", 1),
        ("flags", 1), ("ep_mac", "mac"), ("ethertype", 2), ("source_ip", "ip"), ("destination_ip", "ip"),
        ("source_port", 2), ("destination_port", 2), ("icmp_code", 1), ("icmp_type", 1), ("application", 2),
        ("packet_length", 2), ("captured_length", 2), ("message", "text64"), ("packet", "bytes2048"),
        ("name_hash", 4)],
    "connection": [
        ("ep_mac", "mac"), ("ip_proto", 1), ("-", 1), ("server_port", 2), ("client_port", 2), ("client_ip", "ip"),
        ("server_ip", "ip"), ("ethertype", 2), ("flags", 2), ("bytes", 4), ("sessions", 4), ("first_seen", 4),
        ("last_seen", 4), ("application", 2), ("action", 1), ("severity", 1), ("policy", 4), ("violates", 4),
        ("threat", 4), ("sessions_current_in", 4), ("sessions12", 4), ("bytes12", 8)],
    "stats": [("interval", 4), ("-", 4), ("sessions_in", 4), ("sessions_out", 4), ("sessions_current_in", 4),
              ("sessions_current_out", 4), ("packets_in", 8), ("packets_out", 8), ("bytes_in", 8), ("bytes_out", 8)]
    + [(f"{name}{slots}", size) for slots in (1, 12, 60) for name, size in (
        ("sessions_in", 4), ("sessions_out", 4), ("packets_in", 8), ("packets_out", 8), ("bytes_in", 8),
        ("bytes_out", 8))],
}
BYTES = {"mac": 6, "ip": 16}
NAMES = {1: "app", 2: "session", 3: "count", 4: "counters", 5: "meter", 6: "threat", 7: "connection", 8: "stats",
         9: "stats"}


def size_of(size):
    if isinstance(size, int):
        return size
    return BYTES.get(size) or int(size.lstrip("abcdefghijklmnopqrstuvwxyz"))


def length_of(name):
    return sum(size_of(size) for _, size in LAYOUTS[name])


# As a C compiler gives them: the table's own figures.
assert {name: length_of(name) for name in LAYOUTS} == {
    "app": 10, "session": 140, "count": 20, "counters": 568, "meter": 44, "threat": 2184, "connection": 96,
    "stats": 176}


def value_of(size, raw):
    if isinstance(size, int):
        return int.from_bytes(raw, "big")
    if size == "mac":
        return ":".join(f"{b:02x}" for b in raw)
    if size == "ip":
        return socket.inet_ntop(socket.AF_INET6, raw) if any(raw[4:]) else socket.inet_ntoa(raw[:4])
    if size.startswith("text"):
        return raw.split(b"\0")[0].decode("ascii")
    return raw.hex()


def unpack(name, raw):
    fields, at = {}, 0
    for field, size in LAYOUTS[name]:
        if field != "-":
            fields[field] = value_of(size, raw[at:at + size_of(size)])
        elif any(raw[at:at + size]):
            raise ValueError(f"{name}: padding at {at} is not zero")
        at += size_of(size)
    return fields


def decode(message):
    """The message as a dictionary; ValueError if it is not one."""
    if len(message) < 4:
        raise ValueError(f"{len(message)} bytes are no message")
    kind, more, length = struct.unpack_from("!BBH", message)
    if length != len(message):
        raise ValueError(f"kind {kind}: length field {length} in a datagram of {len(message)}")
    ret, body = {"kind": kind, "more": more}, message[4:]
    if kind == 10:
        ret["sequence"], = struct.unpack("!I", body)
    elif kind in (3, 4, 6, 8, 9):
        name = NAMES[kind]
        if len(body) != length_of(name):
            raise ValueError(f"kind {kind}: {len(body)} bytes, must be {length_of(name)}")
        ret.update(unpack(name, body))
        if kind == 8:
            ret["interval"], = struct.unpack_from("<I", body)
    elif kind in (1, 2, 5, 7):
        name, at = NAMES[kind], 8 if kind == 1 else 4
        if kind == 1:
            ret["mac"] = value_of("mac", body[:6])
        count, = struct.unpack_from("!H", body, at - 2 if kind == 1 else 0)
        if len(body) - at != count * length_of(name):
            raise ValueError(f"kind {kind}: {count} entries in {len(body)} bytes")
        ret["items"] = [unpack(name, body[i:i + length_of(name)]) for i in range(at, len(body), length_of(name))]
    elif kind == 11:
        ret["name"] = value_of("text256", body[:256])
        count, _, ret["flags"] = struct.unpack_from("!HHB", body, 256)
        if len(body) != 262 + 16 * count:
            raise ValueError(f"kind 11: {count} addresses in {len(body)} bytes")
        ret["addresses"] = [value_of("ip", body[i:i + 16]) for i in range(262, len(body), 16)]
    elif kind in (12, 13):
        if len(body) != (272 if kind == 12 else 16):
            raise ValueError(f"kind {kind}: {len(body)} bytes")
        ret["ip"] = value_of("ip", body[:16])
        if kind == 12:
            ret["name"] = value_of("text256", body[16:])
    else:
        raise ValueError(f"kind {kind} is not known")
    return ret


def check_pattern(message):
    """Errors of a message whose n-th byte behind the header (and the lists' count) has the value n, modulo 256."""
    fields, kind = decode(message), message[0]
    start = {1: 8, 2: 4, 5: 4, 7: 4}.get(kind, 0)
    items = fields.get("items", [fields])
    at = start
    for item in items:
        offset = 0
        for field, size in LAYOUTS[NAMES[kind]]:
            raw = bytes((offset + i) & 0xff for i in range(size_of(size)))
            if kind == 8 and field == "interval":
                raw = raw[::-1]
            if field != "-" and not str(size).startswith("text") and item[field] != value_of(size, raw):
                yield f"kind {kind}: {field} is {item[field]}, must be {value_of(size, raw)}"
            offset += size_of(size)
        at += offset


def main():
    errors = []
    for line in sys.stdin:
        message = bytes.fromhex(line)
        if sys.argv[1:] == ["decode"]:
            print(json.dumps(decode(message)))
        else:
            errors += check_pattern(message)
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
