#!/usr/bin/env python3
"""A working day of faults on 50 panels: does anything leak, grow, or stay away?

    tests/bench/soak.py --build DIR [--minutes 55] [--hours 8] [--report FILE]

Simulated meters on TCP, on serial lines (ptys with the time of their characters) and
behind raw TCP gateways. Every few seconds some link gets a fault for a while, of every
kind the simulator knows, or its process is stopped for some seconds, or killed and
started again; snmpd is restarted, the configuration reloaded, alarms latch and are
cleared by a manager, who also walks.

The --hours are brought into the --minutes thus: what is polled over TCP is polled so
much faster than the defaults (2000, 1000, 30000 ms), that as many polls are done and
as many faults met; the meters' clocks go faster by the same factor. Serial lines
keep their speed and the default rhythm. The agent's own clock is not touched, so
that its waits (backoff up to 30 s) are real ones. --hours 0: no hurry.

Prints memory, threads, descriptors and panels as it goes. A panel counts as lost when
it is not online GRACE seconds after the last fault on its link has ended. At the end
all faults are over, and every panel must be back. Exits with 1 if one is lost, or if
the memory of the last seventh exceeds that of the second by more than 3 %, or if
there are more threads or descriptors than then.
"""

import argparse
import collections
import heapq
import os
import random
import signal
import socket
import statistics
import sys
import time

import rig

GRACE = 100.0  # backoff and probes of a dead unit go up to 30 s each, and half as much again
DEFAULTS = {"poll": 2000, "alarm-poll": 1000, "slow-poll": 30000}
FAULT_EVERY = 3.0  # seconds between two faults somewhere, on the average
SETTLE = 1 / 7  # of the time: caches and rings fill

ANY = ["silent", "silent unit {unit}", "deaf", "deaf unit {unit}", "late {ms}", "late {ms} every 3",
       "exception {code}", "exception {code} unit {unit}", "exception 6 every 4", "exception 11 unit {unit}",
       "truncate {few}", "wrong-unit", "wrong-function", "wrong-count", "wrong-length", "garbage {few}",
       "dribble {slow}", "duplicate", "duplicate every 3", "silent every 5", "late {ms} random 5%",
       "silent random 20%", "endless {ms}", "behind", "earlier", "noise-before {few}", "noise-after {few}",
       "exception 2 regs 1200-1210", "silent regs 178-235"]
STREAM = ["close", "close mid", "close every 7", "refuse", "refuse accept", "reset", "reset mid", "vanish"]
MBAP = ["wrong-transaction", "wrong-protocol"]
LINE = ["bad-crc", "bad-crc random 10%"]
LIVES = ["stop", "kill", "power-cycle {unit}"]


class Site:
    """One simulator: a link with its panels."""

    def __init__(self, number, kind, units, first_panel, folder):
        self.number, self.kind, self.units = number, kind, units
        self.panels = list(range(first_panel, first_panel + len(units)))
        self.name = f"sim{number}"
        self.tty = f"{folder}/{self.name}.tty"
        self.quiet_since = 0.0  # no fault since then
        self.fault_until = 0.0
        self.port = None
        self.control = None

    def faults(self):
        kinds = ANY + LIVES
        kinds += STREAM if self.kind != "rtu" else ["unplug", "unplug"]
        kinds += MBAP if self.kind == "tcp" else LINE
        return kinds


class Soak:
    def __init__(self, bench, options, say):
        self.bench, self.options, self.say = bench, options, say
        self.chance = random.Random(options.seed)
        self.factor = max(1.0, options.hours * 60 / options.minutes)
        self.actions, self.serial = [], 0
        self.begun = time.monotonic()
        self.samples = []
        self.counts = collections.Counter()
        self.unknown, self.lost = set(), collections.Counter()
        self.sites = []

    # Setting up

    def layout(self):
        kinds = [("tcp", 4)] * 9 + [("rtu", 2)] * self.options.serial + [("rtu-tcp", 2)] * self.options.gateways
        kinds += [("tcp", 2)] * ((50 - sum(n for _, n in kinds)) // 2)
        panel = 1
        for number, (kind, n) in enumerate(kinds, 1):
            self.sites.append(Site(number, kind, list(range(1, n + 1)), panel, self.bench.dir))
            panel += n

    def start_site(self, site):
        options = ["--units", ",".join(map(str, site.units)), "--speed", f"{self.factor:.2f}",
                   "--seed", str(site.number), "--serial-number", str(10480001 + 10 * site.number)]
        if site.kind == "rtu":
            options += ["--serial", f"{site.tty}:38400:8E1"]
        elif site.kind == "rtu-tcp":
            site.port = site.port or rig.free_port(socket.SOCK_STREAM)
            options += ["--listen-rtu", f"127.0.0.1:{site.port}:38400:8E1"]
        port = self.bench.start_sim(site.name, *options,
                                    listen=f"127.0.0.1:{site.port if site.port and site.kind == 'tcp' else 0}")
        site.port = site.port or port
        site.control = rig.Control(self.bench.path(site.name + ".ctl"))

    def conf(self):
        quick = {name: max(100, int(ms / self.factor)) for name, ms in DEFAULTS.items()}
        quick["slow-poll"] = max(1000, quick["slow-poll"])
        lines = [f"{name} = {ms}" for name, ms in quick.items()]
        lines += ["events = 200", 'notify-rate = 1000']
        slow = " ".join(f"{name} = {ms}" for name, ms in DEFAULTS.items())
        for site in self.sites:
            way = {"tcp": f'transport = "tcp" host = "127.0.0.1" port = {site.port}',
                   "rtu": f'transport = "rtu" device = "{site.tty}" baud = 38400',
                   "rtu-tcp": f'transport = "rtu-tcp" host = "127.0.0.1" port = {site.port} baud = 38400'}
            lines.append(f'link "L{site.number}" {{ {way[site.kind]} response-timeout = 300 }}')
            for panel, unit in zip(site.panels, site.units):
                lines.append(f'panel "P{panel}" {{ index = {panel} link = "L{site.number}" unit = {unit} '
                             f'profile = "bcpme" writes = {{"latches"}} {slow if site.kind != "tcp" else ""} }}')
        return lines

    # Actions: each is done at its time, and plans its next

    def at(self, when, what, *arguments):
        self.serial += 1
        heapq.heappush(self.actions, (when, self.serial, what, arguments))

    def fault(self):
        now = time.monotonic()
        self.at(now + self.chance.expovariate(1 / FAULT_EVERY), self.fault)
        site = self.chance.choice(self.sites)
        if site.fault_until > now:
            return
        kind = self.chance.choice([k for k in site.faults() if k not in self.unknown])
        seconds = round(self.chance.uniform(0.2, 4) if self.chance.random() < 0.8 else self.chance.uniform(4, 20), 1)
        text = kind.format(unit=self.chance.choice(site.units), ms=self.chance.randint(1, 3000),
                           code=self.chance.choice([1, 2, 3, 4, 5, 6, 8, 10, 11]),
                           few=self.chance.randint(1, 40), slow=self.chance.randint(1, 50))
        if self.begin(site, kind, text, seconds):
            self.counts[kind.split()[0]] += 1
            site.fault_until = site.quiet_since = now + seconds + 1

    def begin(self, site, kind, text, seconds):
        process = self.bench.processes[site.name]
        if kind == "stop":
            process.send_signal(signal.SIGSTOP)
            self.at(time.monotonic() + seconds, process.send_signal, signal.SIGCONT)
            return True
        if kind == "kill":
            process.kill()
            process.wait()
            del self.bench.processes[site.name]
            self.at(time.monotonic() + seconds, self.start_site, site)
            return True
        if kind == "unplug":
            how = self.chance.choice(["", " as nothing", " as file", " as forbidden", " as dead"])
            text = f"unplug {site.tty}{how}"
            self.at(time.monotonic() + seconds, self.tell, site, f"replug {site.tty}")
        elif not kind.startswith("power-cycle"):
            text = f"fault {text} for {seconds}"
        try:
            return self.tell(site, text)
        except RuntimeError as error:
            self.unknown.add(kind)
            self.say(f"  not known to this simulator: {error}")
            return False

    def tell(self, site, text):
        """False when it could not be told: the host is busy, or the simulator being started again."""
        try:
            site.control.tell(text)
            return True
        except OSError as error:
            self.say(f"  {site.name} does not hear: {error}")
            self.counts["orders unheard"] += 1
            site.control = rig.Control(self.bench.path(site.name + ".ctl"))
            return False

    def alarm(self):
        now = time.monotonic()
        self.at(now + self.chance.expovariate(1 / 5), self.alarm)
        site = self.chance.choice(self.sites)
        if site.fault_until > now:
            return
        self.tell(site, f"latch {self.chance.choice(site.units)} {self.chance.randint(1, 42)} high-high")
        self.counts["latched alarms"] += 1

    def clear(self):
        self.at(time.monotonic() + 10, self.clear)
        panel = self.chance.randint(1, 50)
        oid = f"{self.objects['mxPanelCommand']}.{panel}"
        error = self.manager.set([(oid, "i", 2)])[0]
        self.counts[f"clears: {error}"] += 1

    def walk(self):
        self.at(time.monotonic() + 3, self.walk)
        name = self.chance.choice(["mxBranchCurrent", "mxBranchEnergy", "mxBranchLatched", "mxMainsCurrent",
                                   "mxPanelState", "mxLinkState", "mxEventText", "mxAlarmLatched"])
        prefix = [int(arc) for arc in self.objects[name].split(".")[2:]]
        oid, n = self.objects[name], 0
        while oid:
            binds = self.manager.bulk([], [oid], 50)
            if binds is None:
                self.counts["walks broken off"] += 1
                return
            oid = None
            for arcs, value in binds:
                if arcs[1:1 + len(prefix)] != prefix or value is None:
                    break
                n += 1
            else:
                oid = "1.3." + ".".join(map(str, arcs[1:]))
        self.counts["walks"] += 1
        self.counts["values walked"] += n

    def restart_snmpd(self):
        self.at(time.monotonic() + self.options.minutes * 60 / 12, self.restart_snmpd)
        self.bench.stop("snmpd")
        time.sleep(self.chance.uniform(0, 2))
        self.bench.start_snmpd()
        self.counts["restarts of snmpd"] += 1

    def reload(self):
        self.at(time.monotonic() + self.options.minutes * 60 / 20, self.reload)
        self.bench.processes["meterxd"].send_signal(signal.SIGHUP)
        self.counts["reloads"] += 1

    def sample(self):
        now = time.monotonic()
        self.at(now + max(2.0, self.options.minutes * 60 / 110), self.sample)
        usage = rig.Usage(self.bench.processes["meterxd"].pid)
        states = self.states()
        late = []
        for site in self.sites:
            for panel in site.panels:
                if any(states) and now - site.quiet_since > GRACE and states[panel - 1] != 1:
                    late.append(panel)
                    self.lost[panel] += 1
        cpu = usage.cpu + sum(rig.Usage(p.pid).cpu for n, p in self.bench.processes.items() if n != "meterxd")
        self.samples.append((now - self.begun, usage, cpu))
        minutes = max(1e-3, (now - self.begun) / 60)
        self.say(f"{time.strftime('%H:%M:%S')} {minutes:5.1f} min: RSS {usage.rss_kb} kB, {usage.threads} threads, "
                 f"{usage.descriptors} descriptors, meterxd {usage.cpu / minutes / 0.6:.1f} % of a core, "
                 f"{sum(s == 1 for s in states)} online of {len(states)}; {self.faults_so_far()} faults"
                 f"{f'; LATE TO RETURN {late}' if late else ''}")

    def faults_so_far(self):
        return sum(n for kind, n in self.counts.items() if " " not in kind and kind not in ("walks", "reloads"))

    def states(self):
        return self.manager.values([f"{self.objects['mxPanelState']}.{n}" for n in range(1, 51)]) or []

    def requests(self):
        column = self.objects["mxLinkRequests"]
        values = self.manager.values([f"{column}.{n + 1}" for n in range(len(self.sites))]) or []
        return sum(v or 0 for v in values)

    # The whole

    def run(self):
        self.layout()
        for site in self.sites:
            self.start_site(site)
        self.bench.write_conf(self.conf())
        self.bench.start_snmpd("rwcommunity public 127.0.0.1")
        self.bench.start_meterxd("--log-level", "warning")
        self.objects = rig.Objects(self.bench.build, self.bench.dir, [
            "mxPanelState", "mxPanelCommand", "mxBranchCurrent", "mxBranchEnergy", "mxBranchLatched", "mxMainsCurrent",
            "mxLinkState", "mxEventText", "mxAlarmLatched", "mxLinkRequests", "mxAgentLastEvent"])
        self.manager = rig.Manager(self.bench.agent)
        self.bench.wait(lambda: self.states().count(1) == 50, "50 panels online", 60)
        self.begun = now = time.monotonic()
        for site in self.sites:
            site.quiet_since = now
        self.say(f"{time.strftime('%F %T')} soak: 50 panels on {len(self.sites)} links "
                 f"{dict(collections.Counter(site.kind for site in self.sites))}, {self.options.minutes} min, "
                 f"{self.factor:.2f} times the polls and meter time of real time")
        self.at(now + 5, self.fault)
        for action in (self.alarm, self.clear, self.walk, self.sample):
            self.at(now, action)
        self.at(now + self.options.minutes * 30 / 12, self.restart_snmpd)
        self.at(now + self.options.minutes * 60 / 20, self.reload)
        self.until(now + self.options.minutes * 60)
        return self.conclude()

    def until(self, end):
        while True:
            if not self.bench.alive("meterxd"):
                raise RuntimeError("meterxd has ended: " + self.bench.log("meterxd")[-2000:])
            when, _, what, arguments = self.actions[0]
            if when >= end:
                time.sleep(max(0.0, end - time.monotonic()))
                return
            time.sleep(max(0.0, min(1.0, when - time.monotonic())))
            if when <= time.monotonic():
                heapq.heappop(self.actions)
                self.do(what, arguments)

    def do(self, what, arguments):
        """A host that is too busy for the soak is told of, but does not end it."""
        try:
            what(*arguments)
        except (OSError, RuntimeError) as error:
            self.say(f"  {what.__name__}: {error}")
            self.counts["actions failed"] += 1
            if what == self.start_site:
                self.bench.stop(arguments[0].name)
                arguments[0].fault_until = arguments[0].quiet_since = time.monotonic() + 6
                self.at(time.monotonic() + 5, what, *arguments)

    def all_well(self):
        """End every fault, and wait for everybody."""
        for when, _, what, arguments in sorted(self.actions, key=lambda action: action[:2]):
            if what not in (self.fault, self.alarm, self.clear, self.walk, self.sample, self.restart_snmpd, self.reload):
                self.do(what, arguments)
        for site in self.sites:
            self.tell(site, "fault none")
        begun = time.monotonic()
        while time.monotonic() - begun < GRACE:
            states = self.states()
            if states.count(1) == 50:
                return time.monotonic() - begun, []
            time.sleep(0.5)
        return GRACE, [n + 1 for n, state in enumerate(states) if state != 1]

    def slice(self, first, last):
        span = self.options.minutes * 60
        return [s for s in self.samples if first * span <= s[0] < last * span]

    def conclude(self):
        took, missing = self.all_well()
        requests = self.requests()
        events = self.manager.values([f"{self.objects['mxAgentLastEvent']}.0"])
        early, late = self.slice(SETTLE, 2 * SETTLE), self.slice(1 - SETTLE, 1.01)
        (rss_a, rss_b), (thr_a, thr_b), (fds_a, fds_b) = (
            [statistics.median(getattr(s[1], what) for s in part) for part in (early, late)]
            for what in ("rss_kb", "threads", "descriptors"))
        span = self.samples[-1][0] - self.samples[0][0]
        mine = (self.samples[-1][1].cpu - self.samples[0][1].cpu) / span
        self.say(f"faults and events: {dict(self.counts)}")
        self.say(f"{requests} requests, last event {events}; lost on the way: {dict(self.lost)}")
        self.say(f"meterxd took {mine:.1%} of a core")
        grown = rss_b > 1.03 * rss_a or thr_b > thr_a or fds_b > fds_a + 2
        self.say(f"RESULT: RSS {rss_a:.0f} kB in the second seventh, {rss_b:.0f} kB in the last ({rss_b / rss_a - 1:+.1%}); "
                 f"threads {thr_a:.0f} to {thr_b:.0f}, descriptors {fds_a:.0f} to {fds_b:.0f}; all 50 back after "
                 f"{took:.1f} s{f', MISSING {missing}' if missing else ''}; {len(self.lost)} panels lost on the way"
                 f"{'; GROWN' if grown else ''}")
        return 1 if grown or missing or self.lost else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=".")
    parser.add_argument("--minutes", type=float, default=55)
    parser.add_argument("--hours", type=float, default=8, help="of meter time and polls in that")
    parser.add_argument("--serial", type=int, default=4, help="serial lines of two panels")
    parser.add_argument("--gateways", type=int, default=3, help="raw TCP gateways with two panels")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", help="file to add the results to")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder")
    options = parser.parse_args()
    report = open(options.report, "a") if options.report else None

    def say(text):
        for file in filter(None, (sys.stdout, report)):
            print(text, file=file, flush=True)

    with rig.Rig(options.build, options.keep) as bench:
        return Soak(bench, options, say).run()


if __name__ == "__main__":
    sys.exit(main())
