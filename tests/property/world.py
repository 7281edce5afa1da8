# SPDX-License-Identifier: BSD-2-Clause
"""Namespaces and commands in them, for one worker of the property test.

Why: hundreds of cases in a minute leave no room for a process per step, so the worker itself changes from namespace
to namespace.

Invariant: a worker is alone in a mount and a process namespace of its own; whatever becomes of it, the kernel clears
away its processes, pins, files and network namespaces with it.
"""
import contextlib
import ctypes
import os
import re
import signal
import subprocess

CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *args):
    if getattr(libc, name)(*args):
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def mount(source, target, kind, flags=0):
    call("mount", source.encode(), target.encode(), kind.encode() if kind else None, flags, None)


def enter_world():
    """Mounts nobody else sees; /run/netns is where `ip netns` and sluiced look for names."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", "/run", "tmpfs")
    mount("bpf", "/sys/fs/bpf", "bpf")
    os.mkdir("/run/netns")


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Namespace:
    """A network namespace with a name that only this worker's processes can see."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            call("unshare", CLONE_NEWNET)
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            mount("/proc/thread-self/ns/net", self.path, None, MS_BIND)
            # What a namespace starts with; the cases ask for other things where that is what they are about.
            write_sysctl("net/ipv6/conf/default/router_solicitations", "0")
            run("ip", "link", "set", "lo", "up")
        finally:
            call("setns", own, CLONE_NEWNET)
            os.close(own)

    def enter(self):
        call("setns", self.fd, CLONE_NEWNET)

    @contextlib.contextmanager
    def inside(self):
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        call("setns", self.fd, CLONE_NEWNET)
        try:
            yield
        finally:
            call("setns", own, CLONE_NEWNET)
            os.close(own)

    def remove(self):
        call("umount2", self.path.encode(), MNT_DETACH)
        os.unlink(self.path)
        os.close(self.fd)


def run(*argv, text=None, check=True):
    """Its output; what it says on stderr is the exception's text."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def write_sysctl(path, value):
    with open(f"/proc/sys/{path}", "w") as f:
        f.write(value)


def batch(program, lines):
    """Runs the lines, also those behind one that fails: [(line, complaint)] of those that did."""
    if not lines:
        return []
    # A word that it does not know ends the whole program, -force or not: then the last line does not complain either.
    done = subprocess.run([*program, "-force", "-batch", "-"], input="\n".join([*lines, "nonsense"]) + "\n",
                          capture_output=True, text=True)
    failed, why, complete = [], [], False
    for said in done.stderr.splitlines():
        if not said.startswith("Command failed"):
            why.append(said.strip())
            continue
        number = int(said.rsplit(":", 1)[1])
        complete = number > len(lines)
        if not complete:
            failed.append((lines[number - 1], " ".join(why)))
        why = []
    return failed if complete else one_by_one(program, lines)


def one_by_one(program, lines):
    """For lines of which some are in place already."""
    failed = []
    for line in lines:
        done = subprocess.run([*program, "-batch", "-"], input=line + "\n", capture_output=True, text=True)
        if done.returncode and not re.search("exist|already assigned", done.stderr):
            failed.append((line, done.stderr.strip().splitlines()[0]))
    return failed
