# SPDX-License-Identifier: BSD-2-Clause
"""Random ports: what a workload, or whoever set it up, may have done to its interface.

Why: nobody thinks of every combination; a generator does not think.

Invariant: the same seed and number make the same case. A line that this kernel or these tools do not know is
rejected when it is applied and counted by its kind: what is compared is what came of it.
"""
import random

HOST4, WORKLOAD4 = "10.200.0.1", "10.200.0.2"
HOST6, WORKLOAD6 = "fd00:c8::1", "fd00:c8::2"
LINK_LOCAL_GATEWAY = "169.254.1.1"
TABLES = ("main", "main", "100", "200", "4096")

# What makes a port one that must be refused: commands in the workload, and what the reason must say.
REFUSALS = {
    "macvlan child": (["link add child0 link eth0 type macvlan mode bridge"], "child0"),
    "bridge member": (["link add cage0 type bridge", "link set eth0 master cage0"], "cage0"),
    "filter": (["qdisc add dev eth0 clsact",
                "filter add dev eth0 ingress protocol ip prio 7 u32 match u32 0 0 action ok"],
               "filter|clsact"),
}

# sysctl of the port: values to choose from. None stops the traffic of the test by itself.
SYSCTLS = {
    "ipv4/conf": {
        "forwarding": "01", "rp_filter": "02", "accept_local": "01", "send_redirects": "01", "log_martians": "01",
        "proxy_arp": "01", "proxy_arp_pvlan": "01", "arp_announce": "012", "arp_notify": "01", "shared_media": "01",
        "secure_redirects": "01", "accept_redirects": "01", "accept_source_route": "01", "promote_secondaries": "01",
        "route_localnet": "01", "src_valid_mark": "01", "igmpv3_unsolicited_report_interval": ["500", "2000"],
        "force_igmp_version": "023", "medium_id": ["0", "7"], "tag": ["0", "12"], "bc_forwarding": "01",
        "ignore_routes_with_linkdown": "01", "drop_gratuitous_arp": "01", "arp_evict_nocarrier": "01",
    },
    "ipv6/conf": {
        "forwarding": "01", "accept_ra": "012", "accept_redirects": "01", "autoconf": "01", "hop_limit": ["64", "33"],
        "mtu": ["1280", "1400"], "router_solicitations": ["-1", "0", "2"], "proxy_ndp": "01",
        "max_addresses": ["16", "5"], "accept_ra_defrtr": "01", "accept_ra_pinfo": "01", "force_mld_version": "012",
        "ndisc_notify": "01", "suppress_frag_ndisc": "01", "keep_addr_on_down": ["-1", "0", "1"],
        "use_oif_addrs_only": "01", "drop_unsolicited_na": "01", "ignore_routes_with_linkdown": "01",
        "seg6_enabled": "01", "temp_prefered_lft": ["86400", "7000"], "accept_source_route": ["0", "-1"],
        "ndisc_tclass": ["0", "32"], "accept_untracked_na": "01", "ra_defrtr_metric": ["1024", "77"],
        "disable_policy": "01", "stable_secret": ["2001:db8::5ec", "2001:db8::5ed"],
    },
    "ipv4/neigh": {
        "base_reachable_time_ms": ["30000", "45000"], "gc_stale_time": ["60", "77"], "mcast_solicit": "35",
        "ucast_solicit": "34", "retrans_time_ms": ["1000", "700"], "delay_first_probe_time": "57",
        "locktime": ["100", "50"], "proxy_delay": ["80", "0"], "proxy_qlen": ["64", "12"],
        "unres_qlen_bytes": ["212992", "65536"], "anycast_delay": ["100", "50"], "app_solicit": "01",
    },
    "ipv6/neigh": {
        "base_reachable_time_ms": ["30000", "41000"], "gc_stale_time": ["60", "71"], "mcast_solicit": "34",
        "ucast_solicit": "35", "retrans_time_ms": ["1000", "800"], "delay_first_probe_time": "56",
        "proxy_delay": ["80", "10"], "unres_qlen_bytes": ["212992", "32768"], "mcast_resolicit": "02",
    },
}
OFFLOADS = ("tx", "sg", "tso", "gso", "gro", "rxvlan", "txvlan", "tx-udp-segmentation", "rx-udp-gro-forwarding",
            "rx-gro-list", "highdma", "tx-nocache-copy", "tx-tcp-ecn-segmentation", "tx-gre-segmentation")


class Case:
    """Lines as `ip -batch` takes them, each with the kind it is counted under."""

    def __init__(self, seed, number, bare=False):
        self.random = random.Random(f"{seed}/{number}")
        self.number = number
        self.sysctls = []  # (path below net, value) before the port is up
        self.down, self.up, self.up6, self.tc = [], [], [], []  # [(kind, line)] in this order
        self.offloads = []  # words for ethtool -K
        self.refusal = None  # a name in REFUSALS
        self.may_refuse = None  # what a reason must name to be right, where taking it exactly is as right
        self.risky = False  # the test's own traffic may not get through
        self.second_port = False
        self.later = []  # done in the workload while it is taken, in the last round
        self.addresses = []  # [(host, workload)] for traffic
        if bare:
            self.attach, self.family, self.mode, self.queues = "plain", "dual", "off", 1
            self.mac, self.has4, self.has6 = "02:00:00:00:00:02", True, True
            self.default_route, self.detect_duplicates = True, False
            self.base_addresses()
        else:
            self.generate()
        lively = [(HOST4, WORKLOAD4)] if self.has4 else []
        self.addresses = lively + ([(HOST6, WORKLOAD6)] if self.has6 else [])

    def chance(self, percent):
        return self.random.randrange(100) < percent

    def pick(self, *options):
        return self.random.choice(options)

    def generate(self):
        r = self.random
        self.attach = r.choices(("plain", "bridge", "calico"), (40, 35, 25))[0]
        self.family = r.choices(("dual", "IPv4", "IPv6"), (60, 20, 20))[0]
        self.mode = self.pick("off", "tap", "inline", "inline")
        self.mac = "02:%02x:%02x:%02x:%02x:%02x" % tuple(r.randrange(256) for _ in range(5))
        self.queues = self.pick(1, 1, 1, 2)
        self.has4, self.has6 = self.family != "IPv6", self.family != "IPv4"
        self.default_route = self.chance(70)
        self.detect_duplicates = self.chance(4)
        self.second_port = self.chance(15)
        self.settings()
        self.base_addresses()
        for part, odds in ((self.more4, 70), (self.more6, 70), (self.routes4, 75), (self.routes6, 75),
                           (self.rules, 50), (self.neighbours, 50), (self.groups, 30), (self.nexthops, 20),
                           (self.qdisc, 10), (self.unrelated, 50)):
            if self.chance(odds):
                part()
        if self.chance(60):
            self.change_later()
        if self.chance(7):
            self.refuse()

    def add(self, kind, line):
        self.up.append((kind, line))

    def settings(self):
        r, add = self.random, lambda kind, line: self.down.append((kind, f"link set dev eth0 {line}"))
        if self.chance(50):
            add("mtu", f"mtu {r.randrange(1280, 2049)}")
        if self.chance(40):
            add("txqueuelen", f"txqueuelen {r.randrange(0, 5000)}")
        if self.chance(30):
            add("alias", f"alias \"{self.pick('front', 'wan link of pod 7', 'käse')} {r.randrange(99)}\"")
        if self.chance(30):
            add("group", f"group {r.randrange(1, 1 << 31)}")
        for flag, odds in (("multicast off", 8), ("allmulticast on", 20), ("promisc on", 20), ("dynamic on", 10),
                           ("arp off", 5)):
            if self.chance(odds):
                add(flag, flag)
                self.risky |= flag in ("arp off", "multicast off")
        if self.chance(25):
            for i in range(r.randrange(1, 4)):
                self.down.append(("altname", f"link property add dev eth0 altname "
                                             f"{self.pick('uplink', 'a-rather-long-alternative-name', 'x')}{i}"))
        for name, low, high in (("gso_max_size", 2000, 65536), ("gso_max_segs", 1, 65535),
                                ("gro_max_size", 2000, 65536)):
            if self.chance(15):
                add(name, f"{name} {r.randrange(low, high)}")
        if self.chance(20):
            add("addrgenmode", f"addrgenmode {self.pick('none', 'eui64', 'random')}")
        for folder, files in SYSCTLS.items():
            if (folder.startswith("ipv6") and not self.has6) or not self.chance(60):
                continue
            for name in sorted(files):
                if self.chance(12):
                    self.sysctls.append((f"{folder}/eth0/{name}", self.pick(*files[name])))
        if not self.has6 and self.chance(60):
            self.sysctls.append(("ipv6/conf/eth0/disable_ipv6", "1"))
        if not self.detect_duplicates:
            self.sysctls.append(("ipv6/conf/eth0/accept_dad" if self.chance(50) else "ipv6/conf/eth0/dad_transmits",
                                 "0"))
        # What new interfaces of the namespace get must not be mistaken for what this one had.
        if self.chance(30):
            self.sysctls.append(("ipv4/conf/default/rp_filter", self.pick(*"012")))
            self.sysctls.append(("ipv4/neigh/default/gc_stale_time", "90"))
            self.sysctls.append(("ipv6/conf/default/hop_limit", "50"))
        if self.chance(50):
            for name in OFFLOADS:
                if self.chance(20):
                    self.offloads += [name, self.pick("on", "off")]

    def base_addresses(self):
        length4, length6 = (32, 128) if self.attach == "calico" else (24, 64)
        if self.has4:
            self.add("address", f"addr add {WORKLOAD4}/{length4} dev eth0")
        if self.has6:
            nodad = "" if self.detect_duplicates else " nodad"
            self.add("address", f"addr add {WORKLOAD6}/{length6} dev eth0{nodad}")
        if self.attach == "calico":
            if self.has4:
                self.add("route", f"route add {LINK_LOCAL_GATEWAY} dev eth0 scope link")
                self.add("route", f"route add default via {LINK_LOCAL_GATEWAY} dev eth0")
                self.add("permanent neighbour", f"neigh replace {LINK_LOCAL_GATEWAY} lladdr ee:ee:ee:ee:ee:ee "
                                                "dev eth0 nud permanent")
            if self.has6:
                self.add("route", "route add ::/0 via fe80::1 dev eth0")
                self.add("permanent neighbour", "neigh replace fe80::1 lladdr ee:ee:ee:ee:ee:ee dev eth0 "
                                                "nud permanent")
        elif self.default_route:
            if self.has4:
                self.add("route", f"route add default via {HOST4} dev eth0")
            if self.has6:
                self.add("route", f"route add ::/0 via {HOST6} dev eth0")

    def gateway4(self):
        return LINK_LOCAL_GATEWAY if self.attach == "calico" else f"10.200.0.{self.random.randrange(60, 99)}"

    def gateway6(self):
        return "fe80::1" if self.attach == "calico" else f"fd00:c8::{self.random.randrange(60, 99)}"

    def more4(self):
        if not self.has4:
            return
        for i in range(self.random.randrange(1, 5)):
            n = 2 + i
            kind, text = self.pick(
                ("secondary address", f"10.200.0.{10 + n}/24"), ("address", f"10.20{n}.0.7/16 brd +"),
                ("address with a label", f"10.21{n}.0.7/24 brd + label eth0:l{n}"),
                ("point-to-point address", f"192.0.2.{n} peer 192.0.2.{100 + n}/32"),
                ("address with a lifetime", f"10.22{n}.0.7/24 valid_lft 5000 preferred_lft 4000"),
                ("deprecated address", f"10.23{n}.0.7/24 valid_lft 5000 preferred_lft 0"),
                ("noprefixroute", f"10.24{n}.0.7/24 noprefixroute"), ("metric of an address", f"10.25{n}.0.7/24 metric 77"),
                ("scope link", f"169.254.{n}.7/16 scope link"), ("scope host", f"127.1.{n}.1/32 scope host"),
                ("autojoin", f"224.9.9.{n}/32 autojoin"))
            self.add(kind, f"addr add {text} dev eth0")

    def more6(self):
        if not self.has6:
            return
        nodad = "" if self.detect_duplicates else " nodad"
        for i in range(self.random.randrange(1, 5)):
            n = 2 + i
            kind, text = self.pick(
                ("address", f"2001:db8:a{n}::7/64"), ("address", f"fd00:c8::{n}07/64"),
                ("noprefixroute", f"2001:db8:b{n}::7/64 noprefixroute"), ("home", f"2001:db8:c{n}::7/64 home"),
                ("mngtmpaddr", f"2001:db8:d{n}::7/64 mngtmpaddr"),
                ("deprecated address", f"2001:db8:e{n}::7/64 preferred_lft 0"),
                ("address with a lifetime", f"2001:db8:f{n}::7/64 valid_lft 6000 preferred_lft 3000"),
                ("point-to-point address", f"2001:db8:10{n}::7 peer 2001:db8:11{n}::8/128"),
                ("metric of an address", f"2001:db8:12{n}::7/64 metric 99"), ("link-local", f"fe80::{n}:7/64"),
                ("autojoin", f"ff05::{n}:7/128 autojoin"), ("host address", f"2001:db8:13{n}::7/128"))
            self.add(kind, f"addr add {text} dev eth0{nodad}")

    def routes4(self):
        if not self.has4:
            return
        for i in range(self.random.randrange(1, 8)):
            gw, to, table = self.gateway4(), f"198.18.{i}.0/24", self.pick(*TABLES)
            onlink = " onlink" if self.attach == "calico" else ""
            kind, text = self.pick(
                ("route", f"{to} via {gw} dev eth0{onlink}"), ("route", f"{to} dev eth0 scope link"),
                ("metric", f"{to} via {gw} dev eth0{onlink} metric {100 + i}"),
                ("onlink", f"{to} via 203.0.113.{i + 1} dev eth0 onlink"),
                ("source hint", f"{to} via {gw} dev eth0{onlink} src {WORKLOAD4}"),
                ("route metrics", f"{to} via {gw} dev eth0{onlink} mtu 1300 advmss 1200 window 4000 rtt 20ms "
                                  "initcwnd 12 initrwnd 20 quickack 1"),
                ("locked metric", f"{to} via {gw} dev eth0{onlink} mtu lock 1290 hoplimit 9"),
                ("congestion control", f"{to} via {gw} dev eth0{onlink} congctl reno"),
                ("route protocol", f"{to} via {gw} dev eth0{onlink} proto {self.pick('bird', 'static', '99')}"),
                ("tos", f"{to} tos 0x10 via {gw} dev eth0{onlink}"),
                ("multipath", f"{to} nexthop via {gw} dev eth0 weight 3{onlink} nexthop via 203.0.113.9 dev eth0 "
                              "weight 7 onlink"),
                ("route by an IPv6 gateway", f"{to} via inet6 fe80::1 dev eth0"),
                ("local route", f"local 198.18.{i}.9 dev eth0"), ("multicast route", f"multicast 239.1.{i}.0/24 dev eth0"),
                ("encap ip", f"{to} encap ip id {i + 1} dst 198.51.100.1 dev eth0"),
                ("encap mpls", f"{to} encap mpls 100/200 via {gw} dev eth0{onlink}"))
            self.add(f"IPv4 {kind}", f"route add table {table} {text}")
        if self.second_port and self.chance(60):
            self.add("IPv4 multipath over two ports",
                     "route add 198.19.0.0/24 nexthop via 203.0.113.5 dev eth0 onlink nexthop via 203.0.113.6 dev "
                     "eth1 onlink")

    def routes6(self):
        if not self.has6:
            return
        for i in range(self.random.randrange(1, 8)):
            gw, to, table = self.gateway6(), f"2001:db8:8{i}::/48", self.pick(*TABLES)
            kind, text = self.pick(
                ("route", f"{to} via {gw} dev eth0"), ("route", f"{to} dev eth0"),
                ("metric", f"{to} via {gw} dev eth0 metric {200 + i}"),
                ("preference", f"{to} via {gw} dev eth0 pref {self.pick('low', 'high')}"),
                ("source hint", f"{to} via {gw} dev eth0 src {WORKLOAD6}"),
                ("route metrics", f"{to} via {gw} dev eth0 mtu 1290 advmss 1100 hoplimit 7 initcwnd 9"),
                ("route with a lifetime", f"{to} via {gw} dev eth0 expires 700"),
                ("route protocol", f"{to} via {gw} dev eth0 proto {self.pick('bird', 'ra', '99')}"),
                ("onlink", f"{to} via 2001:db8:ff::{i + 1} dev eth0 onlink"),
                ("source route", f"{to} from 2001:db8:aa::/48 via {gw} dev eth0"),
                ("multipath", f"{to} nexthop via {gw} dev eth0 weight 3 nexthop via fe80::77 dev eth0 weight 5"),
                ("local route", f"local 2001:db8:8{i}::9/128 dev eth0"),
                ("encap seg6", f"{to} encap seg6 mode encap segs 2001:db8:5::1,2001:db8:5::2 dev eth0"),
                ("encap ip6", f"{to} encap ip6 id {i + 1} dst 2001:db8:6::1 dev eth0"))
            self.up6.append((f"IPv6 {kind}", f"route add table {table} {text}"))
        if self.second_port and self.chance(60):
            self.up6.append(("IPv6 multipath over two ports",
                             "route add 2001:db8:90::/48 nexthop via fe80::5 dev eth0 nexthop via fe80::6 dev eth1"))

    def rules(self):
        for i in range(self.random.randrange(1, 5)):
            where, net = self.pick((self.up, "198.18.0.0/15"), (self.up6, "2001:db8::/32"))
            kind, text = self.pick(
                ("iif", "iif eth0 lookup 100"), ("oif", "oif eth0 lookup 200"), ("from", f"from {net} lookup 100"),
                ("to", f"to {net} iif eth0 lookup 4096"), ("fwmark", "fwmark 0x7/0xff lookup 200"),
                ("suppress", "oif eth0 lookup 200 suppress_prefixlength 0"),
                ("ports", "ipproto udp dport 53 iif eth0 lookup 100"), ("prohibit", f"from {net} iif eth0 prohibit"),
                ("uidrange", "uidrange 100-200 oif eth0 lookup 100"), ("goto", f"iif eth0 goto {2000 + i}"),
                ("suppress group", "oif eth0 lookup 200 suppress_ifgroup 7"))
            if kind == "goto":
                where.append(("rule goto", f"rule add pref {2000 + i} from {net} lookup 100"))
            where.append((f"rule {kind}", f"rule add pref {1000 + 10 * i} {text}"))

    def neighbours(self):
        for i in range(self.random.randrange(1, 5)):
            ip = self.pick(*([f"10.200.0.{100 + i}"] if self.has4 else []), *([f"fd00:c8::a{i}"] if self.has6 else []))
            kind, text = self.pick(
                ("permanent neighbour", f"add {ip} lladdr 02:00:00:00:01:0{i} dev eth0 nud permanent"),
                ("noarp neighbour", f"add {ip} lladdr 02:00:00:00:02:0{i} dev eth0 nud noarp"),
                ("proxy neighbour", f"add proxy {ip} dev eth0"),
                ("router neighbour", f"add {ip} lladdr 02:00:00:00:03:0{i} dev eth0 nud permanent router"),
                ("neighbour protocol", f"add {ip} lladdr 02:00:00:00:04:0{i} dev eth0 nud permanent protocol static"),
                ("learned neighbour", f"add {ip} lladdr 02:00:00:00:05:0{i} dev eth0 nud stale"))
            self.add(kind, f"neigh {text}")

    def groups(self):
        for i in range(self.random.randrange(1, 4)):
            self.add("static group", f"maddr add {self.pick('01:00:5e:01:01', '33:33:00:0a:0b')}:0{i} dev eth0")

    def nexthops(self):
        if not self.has4 or self.attach == "calico":
            return
        self.add("nexthop", f"nexthop add id 10 via {self.gateway4()} dev eth0")
        self.add("nexthop", "nexthop add id 11 dev eth0 proto 9")
        self.add("nexthop", "nexthop add id 12 blackhole")
        if self.chance(60):
            self.add("nexthop group", f"nexthop add id 13 via {self.gateway4()} dev eth0 onlink")
            self.add("nexthop group", "nexthop add id 20 group 10,3/13,5")
            self.add("route by a nexthop group", "route add 198.19.7.0/24 nhid 20")
        self.add("route by a nexthop", f"route add 198.19.8.0/24 nhid 10 table {self.pick(*TABLES)}")
        self.add("route by a nexthop", "route add blackhole 198.19.9.0/24 nhid 12")
        if self.has6:
            self.up6.append(("nexthop", f"nexthop add id 30 via {self.gateway6()} dev eth0"))
            self.up6.append(("route by a nexthop", "route add 2001:db8:95::/48 nhid 30"))

    def qdisc(self):
        self.may_refuse = "pfifo_head_drop"
        self.tc.append(("qdisc", "qdisc replace dev eth0 root " + self.pick(
            "handle 8: pfifo limit 77", "handle 9: bfifo limit 65536",
            "handle a: tbf rate 800mbit burst 256kb latency 50ms", "pfifo_head_drop limit 99")))

    def unrelated(self):
        """Of the namespace, not of the port: must not be touched."""
        for kind in self.random.sample(("blackhole", "unreachable", "prohibit", "throw"), 2):
            if kind != "throw":
                self.add(f"{kind} route", f"route add {kind} 198.51.100.{self.random.randrange(99)}/32")
                self.up6.append((f"{kind} route", f"route add {kind} 2001:db8:77::{self.random.randrange(99)}/128"))
            self.add(f"{kind} route", f"route add {kind} 203.0.113.{self.random.randrange(100, 200)}/32 table 100")

    def change_later(self):
        """What a workload does with its port while it is taken stays, and goes back with it."""
        self.later = self.random.sample((
            ["addr add 10.111.0.9/24 dev eth0"], ["addr add 2001:db8:111::9/64 dev eth0 nodad"],
            ["route add 192.0.2.192/26 dev eth0"], ["route add 2001:db8:112::/48 dev eth0 metric 55"],
            ["route add 192.0.2.128/26 dev eth0 table 300", "rule add pref 500 iif eth0 lookup 300"],
            ["neigh add 10.111.0.10 lladdr 02:00:00:00:11:11 dev eth0 nud permanent"],
            [f"addr del {WORKLOAD4}/24 dev eth0", f"addr add {WORKLOAD4}/25 dev eth0"],
            ["link set eth0 mtu 1400"], ["link set eth0 alias \"renamed on the way\""],
            ["link set eth0 txqueuelen 123"]), self.random.randrange(1, 4))

    def refuse(self):
        self.refusal = self.random.choice(sorted(REFUSALS))
        lines, _ = REFUSALS[self.refusal]
        for line in lines:
            tool = self.tc if line.startswith(("qdisc", "class", "filter")) else self.up
            tool.append((f"refusal: {self.refusal}", line))
        if self.refusal == "filter":
            self.tc = [x for x in self.tc if x[0] != "qdisc"]
        self.risky = True
