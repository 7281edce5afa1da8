# SPDX-License-Identifier: BSD-2-Clause
"""sluiced and sluicectl of the build under test, as one worker drives them.

Invariant: readiness is the daemon's own notification; what it says is kept, for the report of a failure.
"""
import json
import os
import socket
import subprocess

from world import die_with_parent

READY_S = 30
INSTANCE = "property"


class Refused(Exception):
    """sluicectl ended with status 1: its message."""


class Daemon:
    def __init__(self, build, agent):
        self.build = build
        self.log = "/run/sluiced.log"
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind("/run/notify")
        notify.settimeout(READY_S)
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [f"{build}/sluiced", "--instance", INSTANCE, "--netns", agent.path, "--dpi-path",
                 f"{build}/sluice-dpi"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "NOTIFY_SOCKET": "/run/notify"}, preexec_fn=die_with_parent)
        try:
            while b"READY=1" not in notify.recv(4096):
                pass
        except TimeoutError:
            raise RuntimeError(f"sluiced did not become ready: {self.said()}") from None
        notify.close()

    def said(self):
        with open(self.log) as f:
            return f.read()

    def ctl(self, *words):
        done = subprocess.run([f"{self.build}/sluicectl", "-i", INSTANCE, "-j", *words], capture_output=True,
                              text=True)
        if done.returncode == 1:
            raise Refused(error_text(done.stderr))
        if done.returncode:
            raise RuntimeError(f"sluicectl {' '.join(words)} ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def knows_sides(self):
        done = subprocess.run([f"{self.build}/sluicectl", "intercept", "--help"], capture_output=True, text=True)
        return "--side" in done.stdout

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def error_text(said):
    try:
        return json.loads(said)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return said.strip()
