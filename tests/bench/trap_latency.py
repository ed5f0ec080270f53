#!/usr/bin/env python3
"""Latch a branch of the simulated meter, wait for the trap in snmptrapd's log; many times.

The time begins when the simulator has answered the command that sets the bit, and ends when
the line is seen in the log, which is looked at every half millisecond.

usage: trap_latency.py CONTROL LOG ALARM-POLL-MS SAMPLES
"""

import random
import re
import socket
import statistics
import sys
import time

LIMIT_S = 30


class Meter:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.answers = self.socket.makefile()

    def poke(self, unit, branch, word):
        self.socket.sendall(f"poke {unit} {177 + branch} {word}\n".encode())
        if not self.answers.readline().startswith("ok"):
            raise SystemExit("the simulator refuses")
        return time.monotonic()


def wait_for(log, kind, panel, branch):
    """Milliseconds are counted by the caller; this returns when the line is there."""
    pattern = re.compile(rf"{kind}\t.*mxEventPanelName\.\d+ \"?P{panel}\"?\t.*mxEventChannel\.\d+ {branch}\t")
    until, rest = time.monotonic() + LIMIT_S, ""
    while time.monotonic() < until:
        rest += log.read()
        seen = time.monotonic()
        *lines, rest = rest.split("\n")
        if any(pattern.search(line) for line in lines):
            return seen
        time.sleep(0.0005)
    raise SystemExit(f"no {kind} of panel {panel} branch {branch} within {LIMIT_S} s")


def main(control, path, rhythm, samples):
    chance, meter, times = random.Random(1), Meter(control), []
    log = open(path, errors="replace")
    log.seek(0, 2)
    for _ in range(int(samples)):
        panel, branch = chance.randint(1, 2), chance.randint(1, 42)
        time.sleep(chance.random() * int(rhythm) / 1000)
        begun = meter.poke(panel, branch, 2)
        times.append(1000 * (wait_for(log, "mxOverCurrent", panel, branch) - begun))
        meter.poke(panel, branch, 0)
        wait_for(log, "mxOverCurrentCleared", panel, branch)
    times.sort()
    median, worst = statistics.median(times), times[-1]
    print(f"alarm-poll {rhythm} ms, {len(times)} traps: median {median:.0f} ms ({median / int(rhythm):.2f} of it), "
          f"95 % {times[int(len(times) * 0.95)]:.0f} ms, worst {worst:.0f} ms ({worst / int(rhythm):.2f} of it)")


if len(sys.argv) != 5:
    sys.exit(__doc__)
main(*sys.argv[1:])
