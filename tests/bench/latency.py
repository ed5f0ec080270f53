#!/usr/bin/env python3
"""From a register that changes in the meter to the new value at an SNMP manager: how long?

    tests/bench/latency.py --build DIR [--samples 200] [--cases tcp,19200]

The simulator is told to let a branch's current register read another value; the time
begins when it says that it does, and ends when the answer of a GET has the new value.
The manager asks every few milliseconds, so that what is measured is the meter, the
line, the agent and snmpd, not the manager's own rhythm. Changes come at random,
several branches at a time, each its own sample. A meter of two panels, on TCP and
on one line of 19200 baud 8E1; at the default rhythm (poll 2000, alarm-poll 1000), with
no alarm polls in between (2000, 2000), and as short as may be configured (100, 100),
where a serial line spends half of its time on alarm polls.

There is a floor: a change waits for the next poll that begins after it, half an
interval on the average and a whole one at the worst, and a poll is shown when its last
read is in.
"""

import argparse
import random
import statistics
import sys
import time

import rig

RHYTHMS = {"default": (2000, 1000), "even": (2000, 2000), "fastest": (100, 100)}
CHANGES = 4  # in a poll interval, at random: in all phases of the rhythm alike
LIMIT_S = 60
CURRENT = 1336


def link_of(case, bench, port):
    if case == "tcp":
        return f'link "m" {{ transport = "tcp" host = "127.0.0.1" port = {port} }}'
    return f'link "m" {{ transport = "rtu" device = "{bench.path("tty")}" baud = {case} parity = "even" }}'


def start(bench, case, rhythm):
    options = ["--units", "1,2", "--freeze"]
    if case != "tcp":
        options += ["--serial", f"{bench.path('tty')}:{case}:8E1"]
    port = bench.start_sim("sim", *options)
    poll, alarm_poll = RHYTHMS[rhythm]
    bench.write_conf([f"poll = {poll}", f"alarm-poll = {alarm_poll}", link_of(case, bench, port)] +
                     [f'panel "P{unit}" {{ index = {unit} link = "m" unit = {unit} profile = "bcpme" '
                      'encoding = "integer" }' for unit in (1, 2)])
    bench.start_meterxd("--log-level", "warning")


def sample(manager, control, column, count, rhythm_s):
    """Seconds of each change until it is seen, and of each GET."""
    chance = random.Random(1)
    words = {(unit, branch): 100 for unit in (1, 2) for branch in range(1, 43)}
    pending, times, gets = {}, [], []
    free, begun, next_change = list(words), 0, 0.0
    while len(times) < count:
        now = time.monotonic()
        if begun < count and free and now >= next_change:
            place = free.pop(chance.randrange(len(free)))
            words[place] = 100 + (words[place] - 99) % 20000
            control.tell(f"poke {place[0]} {CURRENT - 1 + place[1]} {words[place]}")
            pending[place] = time.monotonic()
            begun += 1
            next_change = now + chance.expovariate(CHANGES / rhythm_s)
        if pending:
            places = list(pending)
            asked = time.monotonic()
            values = manager.values([f"{column}.{unit}.{branch}" for unit, branch in places]) or []
            seen = time.monotonic()
            gets.append(seen - asked)
            for place, value in zip(places, values):
                if value is not None and value == words[place] * 10:
                    times.append(seen - pending.pop(place))
                    free.append(place)
            if any(seen - since > LIMIT_S for since in pending.values()):
                raise RuntimeError(f"{pending} not seen within {LIMIT_S} s")
        time.sleep(0.002)
    return times, gets


def measure(bench, case, rhythm, samples):
    start(bench, case, rhythm)
    bench.start_snmpd()
    try:
        objects = rig.Objects(bench.build, bench.dir, ["mxBranchCurrent", "mxPanelState", "mxPanelPollInterval",
                                                       "mxPanelPollTime"])
        manager = rig.Manager(bench.agent)
        names = [f"{objects['mxPanelState']}.{unit}" for unit in (1, 2)]
        bench.wait(lambda: manager.values(names) == [1, 1], "panels online", 60)
        control = rig.Control(bench.path("sim.ctl"))
        # The whole of the first second: scales, settings.
        time.sleep(3 if case == "tcp" else 8)
        control.tell("poke 1 1336-1377 100")
        control.tell("poke 2 1336-1377 100")
        time.sleep(3 if case == "tcp" else 8)
        times, gets = sample(manager, control, objects["mxBranchCurrent"], samples, RHYTHMS[rhythm][0] / 1000)
        interval, took = manager.values([f"{objects[name]}.1" for name in ("mxPanelPollInterval", "mxPanelPollTime")])
        poll, alarm_poll = RHYTHMS[rhythm]
        times = [1000 * t for t in times]
        print(f"{case:>6} {rhythm:8} poll {poll:5}, alarm-poll {alarm_poll:5}: {len(times)} changes: median "
              f"{statistics.median(times):6.0f} ms, p99 {rig.percentile(times, 0.99):6.0f} ms, least {min(times):5.0f} ms, "
              f"worst {max(times):6.0f} ms   (interval achieved {interval} ms, a poll takes {took} ms, "
              f"a GET {statistics.median(gets) * 1000:.2f} ms)", flush=True)
    finally:
        for name in ("meterxd", "sim", "snmpd"):
            bench.stop(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=".")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--cases", default="tcp,19200", help="tcp, or baud rates")
    parser.add_argument("--rhythms", default="default,even,fastest")
    options = parser.parse_args()
    for case in options.cases.split(","):
        for rhythm in options.rhythms.split(","):
            with rig.Rig(options.build) as bench:
                measure(bench, case, rhythm, options.samples)
    return 0


if __name__ == "__main__":
    sys.exit(main())
