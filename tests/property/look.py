# SPDX-License-Identifier: BSD-2-Clause
"""What can be seen of a namespace from outside, by the tools of others, as comparable text.

Why: a snapshot by our own netlink code would be blind to the same things as the code under test.

Invariant: everything the tools show takes part in the comparison, but for what is named here with its reason.
"""
import json
import os
import time

from world import run

# Indexes and ids change when an interface moves; that the names stay is what counts. The timers of a bridge count.
VOLATILE = {"ifindex", "link_index", "link_netnsid", "link", "cacheinfo", "used", "refcnt", "stats", "stats64",
            "hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "hold_timer", "message_age_timer",
            "forward_delay_timer",
            # A bridge numbers its ports itself.
            "no", "designated_port", "designated_cost", "root_port",
            # Probing for duplicates may still be going on; that a duplicate was found (dadfailed) is compared.
            "tentative", "optimistic",
            # Set by the kernel on an address of its own making, and taken from nobody.
            "stable-privacy"}
# Seconds left: compared as a moment, give or take what reading took, and the kernel's whole seconds each time it moves.
COUNTING = {"valid_life_time", "preferred_life_time", "expires"}
FOREVER = 4294967295
SLACK_S = 12
FOLDERS = ("ipv4/conf", "ipv6/conf", "ipv4/neigh", "ipv6/neigh", "mpls/conf")
# Another view of the same value in coarser units, and what only a multicast router's socket changes.
SYSCTLS_LEFT_OUT = {"base_reachable_time", "retrans_time", "mc_forwarding"}
# Whoever speaks to the port learns neighbours and forgets them again: only those somebody has set are compared.
SET_STATES = {"PERMANENT", "NOARP"}


def documents(text):
    """`ip -j -batch` prints one document behind the other."""
    decoder, at, found = json.JSONDecoder(), 0, []
    text = text.strip()
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        found.append(document)
        while at < len(text) and text[at].isspace():
            at += 1
    return found


def plain(value, now):
    if isinstance(value, dict):
        return {k: moment(v, now) if k in COUNTING else plain(v, now) for k, v in sorted(value.items())
                if k not in VOLATILE and not (k == "id" and "designated_port" in value)}
    if isinstance(value, list):
        return [plain(v, now) for v in value]
    return value


def moment(left, now):
    return "forever" if left == FOREVER else ["at", round(now + left)] if left else "over"


def flags(value):
    """The order of flags says nothing."""
    if isinstance(value, dict):
        return {k: sorted(v) if k == "flags" and all(isinstance(x, str) for x in v) else flags(v)
                for k, v in value.items()}
    return [flags(v) for v in value] if isinstance(value, list) else value


def links(document, sections):
    for link in document:
        name = link["ifname"]
        addresses = link.pop("addr_info", [])
        # The far end's name is shown when it is in the same namespace only.
        link.pop("link_type", None)
        sections[f"link {name}"] = [link]
        # Their order is the kernel's choice of a source address; that of the two families has nothing in common.
        for family in ("inet", "inet6"):
            sections[f"{family} addresses of {name}"] = [a for a in addresses if a.get("family") == family]


def sysctls(name):
    found = []
    for folder in FOLDERS:
        path = f"/proc/sys/net/{folder}/{name}"
        if not os.path.isdir(path):
            continue
        for entry in sorted(os.listdir(path)):
            if entry in SYSCTLS_LEFT_OUT:
                continue
            try:
                with open(f"{path}/{entry}") as f:
                    found.append(f"{folder}/{entry} = {f.read().strip()}")
            except OSError:
                found.append(f"{folder}/{entry} cannot be read")
    return found


def features(name):
    """The offloads that can be chosen; "[fixed]" ones are the driver's, "[requested on]" is part of the choice."""
    return [line.strip() for line in run("ethtool", "-k", name).splitlines()[1:] if "[fixed]" not in line]


def channels(name):
    text = run("ethtool", "-l", name, check=False)
    return [line.strip() for line in text.partition("Current")[2].splitlines()[1:] if line.strip()]


def bridge_vlans():
    try:
        return documents(run("bridge", "-d", "-j", "vlan", "show"))[0]
    except (RuntimeError, ValueError, IndexError):
        return []


def look(namespace, ports, bridge=False):
    """{section: [items]}; ports are those whose sysctls and offloads are read."""
    sections = {}
    with namespace.inside():
        now = time.time()
        # -6: `rule` shows only one family at a time, all the others both.
        both = documents(run("ip", "-d", "-j", "-batch", "-", text="\n".join((
            "addr show", "route show table all", "rule show", "neigh show", "neigh show proxy", "nexthop show",
            "maddr show")) + "\n"))
        rules6 = documents(run("ip", "-d", "-j", "-6", "rule", "show"))
        links(both[0], sections)
        sections["routes"] = both[1]
        sections["IPv4 rules"] = both[2]
        sections["IPv6 rules"] = rules6[0]
        sections["neighbours"] = [n for n in both[3] if SET_STATES & set(n.get("state", []))]
        sections["proxy neighbours"] = both[4]
        sections["nexthops"] = both[5]
        for item in both[6]:
            sections[f"groups of {item['ifname']}"] = item["maddr"]
        qdiscs = documents(run("tc", "-d", "-j", "qdisc", "show"))
        sections["qdiscs"] = qdiscs[0] if qdiscs else []
        if bridge:
            shown = documents(run("bridge", "-d", "-j", "-batch", "-", text="link show\nfdb show\n"))
            sections["bridge ports"] = shown[0]
            sections["bridge entries"] = [e for e in shown[1] if e.get("state") in ("permanent", "static")]
            # Not every kernel has bridges that know VLANs.
            sections["bridge VLANs"] = bridge_vlans()
        for port in ports:
            sections[f"sysctls of {port}"] = sysctls(port)
            sections[f"offloads of {port}"] = features(port) + channels(port)
    return {name: [flags(plain(item, now)) for item in items] for name, items in sections.items()}


def settled(namespace, ports):
    """Is the kernel done with carriers and with looking for duplicates?"""
    with namespace.inside():
        for link in documents(run("ip", "-j", "addr", "show"))[0]:
            if link["ifname"] not in ports or "UP" not in link["flags"]:
                continue
            if link["operstate"] not in ("UP", "DORMANT") or \
                    any(a.get("tentative") and not a.get("dadfailed") for a in link["addr_info"]):
                return False
    return True


def near(a, b):
    """Equal, moments within the slack."""
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        if len(a) == 2 and a[0] == "at" and b[0] == "at":
            return abs(a[1] - b[1]) <= SLACK_S
        return all(near(x, y) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(near(a[k], b[k]) for k in a)
    return a == b


def unordered(name):
    return "addresses" not in name


def member_difference(a, b):
    if not (isinstance(a, dict) and isinstance(b, dict)):
        return f"{json.dumps(a)} is now {json.dumps(b)}"
    return ", ".join(f"{k}: {json.dumps(a.get(k))} is now {json.dumps(b.get(k))}"
                     for k in sorted(a.keys() | b.keys()) if not near(a.get(k), b.get(k)))


def differences(before, after):
    """[text], empty if both are the same."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            found.append(f"{name}: {'not there before' if name in after else 'gone'}")
            continue
        rest, lost = list(after[name]), []
        for item in before[name]:
            match = next((x for x in rest if near(item, x)), None)
            if match is None:
                lost.append(item)
            else:
                rest.remove(match)
        if len(lost) == 1 and len(rest) == 1:
            found.append(f"{name}: {member_difference(lost[0], rest[0])}")
            continue
        found += [f"{name}: lost {json.dumps(item)}" for item in lost]
        found += [f"{name}: new {json.dumps(item)}" for item in rest]
        if not lost and not rest and not unordered(name) and not near(before[name], after[name]):
            found.append(f"{name}: in another order: {[a['local'] for a in before[name]]} is now "
                         f"{[a['local'] for a in after[name]]}")
    return found
