# SPDX-License-Identifier: BSD-2-Clause
"""The life of one case: built, looked at, taken and given back three times, looked at each time.

Invariant: a result says what was wrong in words that name the round and the moment; no case leaves anything that the
next could meet.
"""
import re
import time

import look
import traffic
from daemon import Refused
from generator import HOST4, HOST6, REFUSALS, WORKLOAD4, WORKLOAD6, Case
from world import Namespace, batch, run, write_sysctl

ROUNDS = 3
SETTLE_S = 4.0
BEAT_S = 0.02

# For the test of the test: one thing goes wrong while the port is taken.
CORRUPTIONS = {
    "route": "route del 198.18.200.0/24", "route6": "route del 2001:db8:9999::/48",
    "address": "addr del 10.77.77.77/32 dev eth0", "address6": "addr del fd77::77/128 dev eth0",
    "neighbour": "neigh del 10.77.77.78 dev eth0", "rule": "rule del pref 31000", "alias": "link set eth0 alias other",
    "mtu": "link set eth0 mtu 1444", "group": "link set eth0 group 4711", "flag": "link set eth0 allmulticast on",
    "multicast": "maddr del 01:00:5e:7f:7f:7f dev eth0", "blackhole": "route del blackhole 198.51.100.254",
    "queue": "link set eth0 txqueuelen 4321", "sysctl": None, "offload": None, "order": None,
}
PREPARED = ("route add 198.18.200.0/24 dev eth0", "route add 2001:db8:9999::/48 dev eth0",
            "addr add 10.77.77.77/32 dev eth0", "addr add fd77::77/128 dev eth0 nodad",
            "neigh add 10.77.77.78 lladdr 02:00:00:00:09:09 dev eth0 nud permanent",
            "rule add pref 31000 iif eth0 lookup 100", "route add blackhole 198.51.100.254",
            "addr add 10.78.0.1/24 dev eth0", "addr add 10.78.0.2/24 dev eth0")


class Failure(Exception):
    pass


class Bench:
    """A case with its namespaces."""

    def __init__(self, case, host, daemon, side, tried):
        self.case, self.host, self.daemon, self.side, self.tried = case, host, daemon, side, tried
        self.workload = Namespace(f"wl{case.number}")
        self.outer = f"h{case.number}"
        self.ports = ["eth0"] + (["eth1"] if case.second_port else [])
        self.pairs, self.late = [], 0

    def apply(self, program, lines):
        failed = batch(program, [line for _, line in lines])
        rejected = {line for line, _ in failed}
        for kind, line in lines:
            count = self.tried.setdefault(kind, [0, 0])
            count[0] += 1
            count[1] += line in rejected
        return failed

    def wire(self):
        case = self.case
        run("ip", "-batch", "-", text="\n".join((
            f"link add {self.outer} numrxqueues {case.queues} numtxqueues {case.queues} mtu 2048 type veth peer name "
            f"eth0 address {case.mac} numrxqueues {case.queues} numtxqueues {case.queues} netns {self.workload.name}",
            *([f"link add x{case.number} up type veth peer name eth1 netns {self.workload.name}"]
              if case.second_port else []))) + "\n")
        lines = []
        port = self.outer
        if case.attach == "bridge":
            port = f"b{case.number}"
            lines += [f"link add {port} up type bridge mcast_snooping 0", f"link set {self.outer} master {port}"]
        if case.attach == "calico":
            lines.append(f"link set {self.outer} address ee:ee:ee:ee:ee:ee")
        lines.append(f"link set {self.outer} up")
        if case.attach == "calico":
            lines += [f"addr add {HOST4}/32 dev {self.outer}", f"addr add {HOST6}/128 dev {self.outer} nodad",
                      f"addr add fe80::1/64 dev {self.outer} nodad",
                      f"route add {WORKLOAD4} dev {self.outer} scope link", f"route add {WORKLOAD6} dev {self.outer}"]
        else:
            lines += [f"addr add {HOST4}/24 dev {port}", f"addr add {HOST6}/64 dev {port} nodad"]
        run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def furnish(self):
        case = self.case
        with self.workload.inside():
            self.apply(["ip"], case.down)
            for path, value in case.sysctls:
                count = self.tried.setdefault(f"sysctl {path.replace('/eth0/', '/').replace('/default/', '/')}", [0, 0])
                count[0] += 1
                try:
                    write_sysctl(f"net/{path}", value)
                except OSError:
                    count[1] += 1
            if case.offloads:
                for i in range(0, len(case.offloads), 2):
                    run("ethtool", "-K", "eth0", *case.offloads[i:i + 2], check=False)
            run("ip", "-batch", "-", text="".join(f"link set {p} up\n" for p in self.ports))
            rejected = self.apply(["ip"], case.up) + self.apply(["ip", "-6"], case.up6) + self.apply(["tc"], case.tc)
        if case.refusal and {line for line, _ in rejected} & set(REFUSALS[case.refusal][0]):
            case.refusal = None

    def look(self):
        return look.look(self.workload, self.ports)

    def look_outside(self):
        """The host's side, while nothing is taken."""
        return look.look(self.host, [self.outer], bridge=self.case.attach == "bridge")

    def settle(self):
        end = time.monotonic() + SETTLE_S
        outer = [self.outer, f"b{self.case.number}"]
        while time.monotonic() < end and not (look.settled(self.workload, self.ports) and
                                              look.settled(self.host, outer)):
            time.sleep(BEAT_S)

    def steady(self, seen):
        """A look that stays as it is: routes that follow an address come from the kernel's work queues."""
        last, end = seen(), time.monotonic() + SETTLE_S
        while time.monotonic() < end:
            time.sleep(BEAT_S)
            now = seen()
            if not look.differences(last, now):
                break
            last = now
        return last

    def compare(self, before, seen, when):
        """What lies in the kernel's work queues may take a moment; whatever stays different is wrong."""
        found, end = look.differences(before, seen()), time.monotonic() + 1.5
        if found:
            self.late += 1
        while found and time.monotonic() < end:
            time.sleep(BEAT_S)
            found = look.differences(before, seen())
        if found:
            raise Failure(f"{when}:\n      " + "\n      ".join(found))

    def speak(self, when):
        for pair in self.pairs:
            lost = pair.exchange()
            if lost:
                raise Failure(f"{when}: {lost}")

    def intercept(self):
        words = ["intercept", f"netns:{self.workload.name}", "--port", "eth0", "--mode", self.case.mode]
        if self.side:
            words += ["--side", self.side]
        return self.daemon.ctl(*words)

    def judge(self, refused):
        """A refusal must be one the generator has asked for."""
        wanted = self.case.refusal
        # The kernel drops nexthop objects with the carrier, so the host's side is not for these.
        if self.side == "host" and any(kind.startswith("nexthop") for kind, _ in self.case.up + self.case.up6) and \
                "nexthop" in str(refused):
            return
        if self.case.may_refuse and re.search(self.case.may_refuse, str(refused)):
            return
        if not wanted:
            raise Failure(f"refused without need: {refused}")
        if not re.search(REFUSALS[wanted][1], str(refused)):
            raise Failure(f"refused, but the reason does not name the {wanted}: {refused}")

    def round(self, number, before, outside, corruption):
        at = f"round {number}"
        try:
            self.intercept()
        except Refused as refused:
            self.judge(refused)
            self.compare(before, self.look, f"{at}, refused but changed")
            return False
        # The host's side leaves the inside alone, whatever there is.
        if self.case.refusal and self.side != "host":
            raise Failure(f"taken, although it has a {self.case.refusal}")
        self.compare(before, self.look, f"{at}, while taken")
        self.speak(f"{at}, while taken")
        if number == ROUNDS and not corruption:
            before = self.change() or before
        if corruption:
            self.corrupt(corruption)
        self.daemon.ctl("release", f"netns:{self.workload.name}")
        self.compare(before, self.look, f"{at}, given back")
        self.compare(outside, self.look_outside, f"{at}, given back, the host's side")
        self.speak(f"{at}, given back")
        return True

    def change(self):
        """Changes made while it is taken; how the workload sees them is how it must be given back."""
        if not self.case.later:
            return None
        with self.workload.inside():
            batch(["ip"], [line for lines in self.case.later for line in lines])
        time.sleep(BEAT_S)
        self.settle()
        return self.steady(self.look)

    def prepare_corruption(self, what):
        with self.workload.inside():
            batch(["ip"], list(PREPARED))
            if what == "multicast":
                run("ip", "maddr", "add", "01:00:5e:7f:7f:7f", "dev", "eth0")
            write_sysctl("net/ipv4/conf/eth0/arp_filter", "0")

    def corrupt(self, what):
        with self.workload.inside():
            if what == "sysctl":
                write_sysctl("net/ipv4/conf/eth0/arp_filter", "1")
            elif what == "offload":
                on = "generic-receive-offload: on" in run("ethtool", "-k", "eth0")
                run("ethtool", "-K", "eth0", "gro", "off" if on else "on")
            elif what == "order":
                run("ip", "addr", "del", "10.78.0.1/24", "dev", "eth0")
                run("ip", "addr", "add", "10.78.0.2/24", "dev", "eth0", check=False)
                run("ip", "addr", "add", "10.78.0.1/24", "dev", "eth0")
            else:
                run("ip", *CORRUPTIONS[what].split())

    def run(self, corruption=None):
        case = self.case
        with self.host.inside():
            self.wire()
        self.furnish()
        if corruption:
            self.prepare_corruption(corruption)
        self.settle()
        self.pairs, complaints = traffic.connect(self.host, self.workload, case.addresses, not case.risky)
        if complaints and not case.risky:
            raise RuntimeError("the generator's fault, no traffic before anything was done: " + "; ".join(complaints))
        working = [p for p in self.pairs if not p.exchange()]
        for pair in self.pairs:
            if pair not in working:
                pair.close()
        self.pairs = working
        before, outside = self.steady(self.look), self.steady(self.look_outside)
        for number in range(1, ROUNDS + 1):
            if not self.round(number, before, outside, corruption):
                return "refused"
        return "taken"

    def close(self):
        for pair in self.pairs:
            pair.close()
        # A case that has failed may still be taken.
        try:
            self.daemon.ctl("release", "--all")
        except (Refused, RuntimeError):
            pass
        with self.host.inside():
            for name in (self.outer, f"b{self.case.number}", f"x{self.case.number}"):
                run("ip", "link", "del", name, check=False)
        self.workload.remove()


def run_case(seed, number, host, daemon, side, tried, corruption=None):
    """{"case", "outcome": taken/refused/failed, "why", "late", …}"""
    case = Case(seed, number, bare=bool(corruption))
    result = {"case": number, "side": side or "default", "about": f"{case.attach}, {case.family}, {case.mode}"}
    bench = Bench(case, host, daemon, side, tried)
    try:
        result["outcome"] = bench.run(corruption)
    except Failure as e:
        result["outcome"], result["why"] = "failed", str(e)
    except Exception as e:  # whatever it is, it is this case's, and the others shall run
        result["outcome"], result["why"] = "failed", f"{type(e).__name__}: {e}"
    finally:
        result["late"] = bench.late
        bench.close()
    return result
