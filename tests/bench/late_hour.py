#!/usr/bin/env python3
"""Are wrong values served when answers come late? Counted by a checker that knows every true one.

    tests/bench/late_hour.py --build DIR [--minutes 60] [--report FILE]

Five serial lines (four ptys, one raw TCP gateway) at 9600 to 38400 baud with two
meters each, polled nearly as fast as the lines go. A share of the requests (5 %) is
answered late, by anything from nothing to four times the response timeout; some are
answered twice, not at all, or spoilt. A late meter either hears nothing meanwhile
or answers all in turn; two meters of one line may talk at once.

Every register holds where and when: its word is a hash of unit and register plus
the number of the request that it was read with. So a value that SNMP serves says
which answer it came from, and each one is looked up in the meter's own records:

    place   that answer was not one with this register in it
    late    that answer came after its deadline, or never
    moment  it was not sent within the poll that mxPanelDataAge and mxPanelPollTime tell
    fixed   a setting is not what the meter has; alarms: the meters have none

Reports every minute, and exits with 1 when anything was wrong.
"""

import argparse
import collections
import math
import mmap
import multiprocessing
import os
import random
import struct
import sys
import time

import rig
import wire
from values import BRANCH, MAINS, VOLTAGES

SPAN = 32000  # words are 1 to SPAN: never a negative number, never "no value"
RECORD = struct.Struct("<ddHHHH")  # heard, sent, first register, count, kind, -
RECORDS = 1 << 16
KINDS = ["ok", "late", "lost", "doubled", "spoilt", "deaf"]
OK, LATE, LOST, DOUBLED, SPOILT, DEAF = range(6)
RARE = [(LOST, 0.005), (DOUBLED, 0.005), (SPOILT, 0.005)]
LATEST = 4.0  # times the response timeout
POLL = [116, 5, 125, 124, 123, 122, 10]  # reads of a panel
PATIENCE = 1.25  # poll interval, times what a round of the line takes
MARGIN = 0.060  # seconds that a busy host may take to move a byte or a clock tick

EVENTS = dict(enumerate(["raised", "cleared", "input", "offline", "online", "link down", "link up", "written", "write failed",
                         "energy reset", "energy rollover", "meter replaced", "started", "reloaded"], 1))
# No meter has an alarm, is another one, or counts backwards: who says so has read something wrong.
UNHEARD_OF = {"raised", "cleared", "input", "energy reset", "energy rollover", "meter replaced"}

# Registers as the manufacturer's map numbers them.
SCALES_MILLI = [*range(284, 294), *range(1000, 1084), 244]
ENERGY_SCALES = [291, *range(1084, 1126)]
MEASURED = [*range(245, 284), *range(540, 544), *range(1168, 1672)]
ENERGIES = [254, *range(1168, 1252, 2)]


def place_hash(unit, register):
    return ((unit * 65599 + register) * 2654435761 >> 7) % SPAN


def fixed_words(unit):
    """What never changes; 0 where nothing is said."""
    words = dict.fromkeys(SCALES_MILLI, 0x10000 - 3)
    words.update(dict.fromkeys(ENERGY_SCALES, 0))
    words.update({1: 0x0100, 2: unit, 3: 10, 4: 20 + unit, 5: 15172, 71: 1, 72: 900})
    words.update({n: 0x4100 + n - 7 for n in range(7, 70)})
    words.update({n: 100 + unit for n in range(73, 119)})
    words.update({119 + i: 1000 + 50 * unit + i for i in range(46)})
    return words


class Meter:
    """One unit: its words for each request."""

    def __init__(self, unit):
        self.unit, self.requests, self.busy_until, self.deaf = unit, 0, 0.0, False
        size = 65536
        fixed = fixed_words(unit)
        self.base = [fixed.get(n, 0) for n in range(size)]
        self.moves = [False] * size
        self.low = [False] * size
        for n in MEASURED:
            self.base[n], self.moves[n] = place_hash(unit, n), True
        for n in ENERGIES:  # high word: the place; low word: the time
            self.base[n], self.moves[n], self.low[n + 1] = place_hash(unit, n), False, True

    def words(self, first, count, number):
        found = []
        for n in range(first, first + count):
            if self.low[n]:
                found.append(number)
            elif self.moves[n]:
                found.append((self.base[n] + number) % SPAN + 1)
            else:
                found.append(self.base[n])
        return struct.pack(f">{count}H", *found)


class Records:
    """What became of each request of a unit; shared by the meters and the checker."""

    def __init__(self):
        self.memory = mmap.mmap(-1, RECORD.size * RECORDS)

    def put(self, number, *fields):
        RECORD.pack_into(self.memory, RECORD.size * (number % RECORDS), *fields, 0)

    def get(self, number):
        return RECORD.unpack_from(self.memory, RECORD.size * (number % RECORDS))


class FickleLine(wire.Line):
    def __init__(self, loop, spec, records, share):
        super().__init__(loop, spec.wire, path=spec.path, port=spec.port, chunk=0.02)
        self.chance = random.Random(spec.seed)
        self.timeout, self.share = spec.timeout, share
        self.meters = {unit: Meter(unit) for unit in spec.units}
        self.records = records
        self.kinds = collections.Counter()

    def fate(self):
        if self.chance.random() < self.share:
            return LATE
        for kind, share in RARE:
            if self.chance.random() < share:
                return kind
        return OK

    def answer(self, heard, unit, function, first, count):
        meter = self.meters.get(unit)
        if meter is None or function != 3 or not 0 < count <= 125:
            return
        meter.requests += 1
        number, kind = meter.requests, self.fate()
        begin = heard + self.wire.gap + self.chance.uniform(0.001, 0.015)
        if begin < meter.busy_until:
            if meter.deaf:
                kind = DEAF
            begin = meter.busy_until + self.wire.gap
        if kind == LATE:
            begin += self.chance.uniform(0, LATEST * self.timeout)
        frame = wire.checked(struct.pack(">BBB", unit, 3, 2 * count) + meter.words(first + 1, count, number))
        end = begin + len(frame) * self.wire.character
        self.kinds[kind] += 1
        self.records.put(unit, number, heard, math.inf if kind in (LOST, DEAF, SPOILT) else end,
                         first + 1, count, kind)
        if kind in (LOST, DEAF):
            return
        if kind == SPOILT:
            at = self.chance.randrange(len(frame))
            frame = frame[:at] + bytes([frame[at] ^ 1 << self.chance.randrange(8)]) + frame[at + 1:]
        self.send(begin, frame)
        if kind == DOUBLED:
            end = self.send(end + self.chance.uniform(0, 2 * self.timeout), frame)
        meter.busy_until, meter.deaf = end, self.chance.random() < 0.5


class LineSpec:
    def __init__(self, index, rig_, baud, mode, timeout, over_tcp=False):
        self.index, self.seed = index, 1000 + index
        self.wire = wire.Wire(baud, mode)
        self.timeout = timeout
        self.path = None if over_tcp else rig_.path(f"tty{index}")
        self.port = rig.free_port(rig.socket.SOCK_STREAM) if over_tcp else None
        self.units = (10 * index + 1, 10 * index + 2)

    def link(self):
        way = (f'transport = "rtu" device = "{self.path}"' if self.path else
               f'transport = "rtu-tcp" host = "127.0.0.1" port = {self.port}')
        return (f'link "line{self.index}" {{ {way} {self.wire.conf()} '
                f"response-timeout = {int(self.timeout * 1000)} }}")


class AllRecords:
    def __init__(self, units):
        self.by_unit = {unit: Records() for unit in units}

    def put(self, unit, number, *fields):
        self.by_unit[unit].put(number, *fields)


def meters(specs, records, share, counts):
    """The process with all meters in it."""
    os.nice(-5) if os.geteuid() == 0 else None
    loop = wire.Loop()
    lines = [FickleLine(loop, spec, records, share) for spec in specs]

    def report():
        for k, line in enumerate(lines):
            for kind in range(len(KINDS)):
                counts[k * 16 + kind] = line.kinds[kind]
            counts[k * 16 + 8:k * 16 + 11] = [line.collisions, line.short_gaps, line.odd]
        loop.at(time.monotonic() + 0.5, report)

    report()
    loop.run()


class Checker:
    """Asks for everything, again and again, and looks every value up."""

    GROUP = 6  # branches in one request

    def __init__(self, manager, objects, specs, records):
        self.manager, self.objects, self.records = manager, objects, records
        self.panels = {unit: spec for spec in specs for unit in spec.units}
        self.faults, self.examples = collections.Counter(), []
        self.checked = self.absent = self.no_answer = self.rows = 0
        self.answers_seen = set()
        self.moved = collections.Counter()

    def wrong(self, kind, text):
        self.faults[kind] += 1
        if len(self.examples) < 40:
            self.examples.append(f"{kind}: {text}")

    def number_of(self, unit, register, value):
        """Which request a value was read with."""
        if register in ENERGIES:
            high, low = divmod(value // 1000, 65536)
            return low if high == place_hash(unit, register) else None
        return (value - 1 - place_hash(unit, register)) % SPAN if 1 <= value <= SPAN else None

    def origin(self, unit, register, value):
        """Where a value in the wrong place belongs: reads of one length are taken for each other."""
        for distance in range(-500, 501):
            number = self.number_of(unit, register + distance, value)
            heard, sent, first, count, kind, _ = self.records.by_unit[unit].get(number or 0)
            if number and first <= register + distance < first + count and time.monotonic() - heard < 60:
                self.moved[KINDS[kind]] += 1
                return (f"register {register + distance} instead of {register}, of request {number}, {first} to "
                        f"{first + count - 1}, {KINDS[kind]}, answered after {sent - heard:.3f} s")
        return f"not a word of register {register}"

    def look_up(self, unit, name, register, value, window):
        number = self.number_of(unit, register, value)
        self.checked += 1
        if number is None:
            self.wrong("place", f"{name} = {value}: no word of register {register}")
            return
        heard, sent, first, count, kind, _ = self.records.by_unit[unit].get(number)
        text = (f"{name} = {value}: request {number} of unit {unit}, registers {first} to "
                f"{first + count - 1}, {KINDS[kind]}")
        if not first <= register < first + count:
            self.wrong("place", f"{name} = {value}: {self.origin(unit, register, value)}")
            return
        self.answers_seen.add((unit, number))
        spec = self.panels[unit]
        deadline = spec.timeout + (5 + 2 * count) * spec.wire.character + 2 * spec.wire.gap + MARGIN
        if sent - heard > deadline:
            self.wrong("late", f"{text}, after {sent - heard:.3f} s, deadline {deadline:.3f} s")
        elif window is not None and not window[0] <= sent <= window[1]:
            self.wrong("moment", f"{text}, sent {sent - window[0]:+.3f} s from the poll's begin, "
                                 f"{sent - window[1]:+.3f} s from its end")

    def ask(self, unit, items):
        """items: (name, oid, register or None, fixed value or None, of the poll)."""
        head = [f"{self.objects[name]}.{unit}" for name in ("mxPanelDataAge", "mxPanelPollTime")]
        before = time.monotonic()
        values = self.manager.values(head + [item[1] for item in items])
        after = time.monotonic()
        if values is None:
            self.no_answer += 1
            return
        (age, took), values = values[:2], values[2:]
        window = None
        if age is not None and took is not None:
            window = (before - (age + took) / 1000 - MARGIN, after - age / 1000 + MARGIN)
        for (name, _, register, fixed, polled), value in zip(items, values):
            if value is None:
                self.absent += 1
            elif register is not None:
                self.look_up(unit, f"{name}", register, value, window if polled else None)
            else:
                self.checked += 1
                if value != fixed:
                    self.wrong("fixed", f"{name} of unit {unit} is {value}, not {fixed}")
        self.rows += 1

    def branch_items(self, unit, branch):
        items = []
        for quantity, kind, register, _, _ in BRANCH:
            name = f"mxBranch{quantity}"
            at = register + (2 if kind == "energy" else 1) * (branch - 1)
            items.append((f"{name}.{unit}.{branch}", f"{self.objects[name]}.{unit}.{branch}", at, None, True))
        for name, value in (("mxBranchRating", (1000 + 50 * unit + branch - 1) * 1000),
                            ("mxBranchCtSize", (100 + unit) * 1000)):
            items.append((name, f"{self.objects[name]}.{unit}.{branch}", None, value, False))
        return items

    def other_items(self, unit):
        items = []
        for quantity, phase, _, register, _, _, _ in MAINS:
            name = f"mxMains{quantity}"
            items.append((f"{name}.{unit}.1.{phase}", f"{self.objects[name]}.{unit}.1.{phase}", register,
                          None, register < 540))
        for measure, register, _, _ in VOLTAGES:
            items.append((f"mxVoltageValue.{unit}.1.{measure}",
                          f"{self.objects['mxVoltageValue']}.{unit}.1.{measure}", register, None, True))
        for name, value in (("mxPanelLatchedAlarms", 0), ("mxPanelActiveAlarms", 0),
                            ("mxPanelDemandInterval", 900)):
            items.append((name, f"{self.objects[name]}.{unit}", None, value, False))
        return items

    def panel(self, unit):
        for first in range(1, 43, self.GROUP):
            self.ask(unit, [item for branch in range(first, first + self.GROUP)
                            for item in self.branch_items(unit, branch)])
        self.ask(unit, self.other_items(unit))


def names():
    found = [f"mxBranch{row[0]}" for row in BRANCH] + [f"mxMains{row[0]}" for row in MAINS]
    found += ["mxBranchRating", "mxBranchCtSize", "mxVoltageValue", "mxPanelDataAge", "mxPanelPollTime",
              "mxPanelLatchedAlarms", "mxPanelActiveAlarms", "mxPanelDemandInterval", "mxEventKind",
              "mxAgentPanelsOnline", "mxLinkRequests", "mxLinkTimeouts", "mxLinkCrcErrors"]
    return sorted(set(found))


class Report:
    def __init__(self, path):
        self.file = open(path, "a") if path else None

    def say(self, text):
        print(text, flush=True)
        if self.file:
            print(text, file=self.file, flush=True)


def lines_of(options, rig_):
    """Baud, mode, response timeout in seconds, raw TCP."""
    return [LineSpec(k + 1, rig_, *line) for k, line in enumerate([
        (19200, "8E1", 1.0), (38400, "8N1", 0.3), (9600, "8N1", 1.0), (38400, "8E1", 0.1),
        (19200, "8N1", 0.3, True)][:options.lines])]


def configure(bench, specs):
    conf = ["slow-poll = 10000"]
    for spec in specs:
        conf.append(spec.link())
        rhythm = int(1000 * PATIENCE * len(spec.units) * spec.wire.reads(POLL))
        for unit in spec.units:
            conf.append(f'panel "P{unit}" {{ index = {unit} link = "line{spec.index}" unit = {unit} '
                        f'profile = "bcpme" encoding = "integer" poll = {rhythm} alarm-poll = {rhythm} }}')
    bench.write_conf(conf)


def events_by_kind(manager, objects):
    column, found = objects["mxEventKind"], collections.Counter()
    prefix, oid = [int(arc) for arc in column.split(".")[2:]], column
    while True:
        binds = manager.bulk([], [oid], 50)
        if not binds:
            return found
        for arcs, value in binds:
            if arcs[1:1 + len(prefix)] != prefix or value is None:
                return found
            found[EVENTS.get(value, value)] += 1
        oid = "1.3." + ".".join(map(str, arcs[1:]))


def status(report, checker, counts, specs, begun, online):
    total = [sum(counts[k * 16 + i] for k in range(len(specs))) for i in range(11)]
    kinds = ", ".join(f"{total[i]} {KINDS[i]}" for i in range(1, len(KINDS)))
    report.say(f"{time.strftime('%H:%M:%S')} {(time.monotonic() - begun) / 60:5.1f} min: "
               f"{sum(total[:6])} requests ({kinds}; {total[8]} collisions, {total[9]} gaps too short, "
               f"{total[10]} not understood); {checker.checked} values checked, {checker.absent} absent, "
               f"{checker.no_answer} without an answer, {sum(checker.faults.values())} wrong "
               f"{dict(checker.faults) or ''}; {online} panels online")


def watch(bench, options, report, checker, counts, specs):
    begun = time.monotonic()
    until, next_status = begun + 60 * options.minutes, begun + min(60, 15 * options.minutes)
    units = list(checker.panels)
    while time.monotonic() < until:
        for unit in units:
            checker.panel(unit)
            time.sleep(options.rest)
        if not bench.alive("meterxd"):
            checker.wrong("fixed", "meterxd has ended")
            break
        if time.monotonic() >= next_status:
            online = checker.manager.values([f"{checker.objects['mxAgentPanelsOnline']}.0"])
            status(report, checker, counts, specs, begun, online[0] if online else "?")
            next_status += 60
    status(report, checker, counts, specs, begun, "-")


def conclude(report, bench, checker, counts, specs):
    for k, spec in enumerate(specs):
        link = checker.manager.values([f"{checker.objects[name]}.{spec.index}" for name in
                                       ("mxLinkRequests", "mxLinkTimeouts", "mxLinkCrcErrors")])
        each = ", ".join(f"{counts[k * 16 + i]} {KINDS[i]}" for i in range(len(KINDS)))
        report.say(f"line {spec.index}, {spec.wire.baud} {spec.wire.mode}{' raw TCP' if spec.port else ''}, "
                   f"timeout {spec.timeout} s: {each}, {counts[k * 16 + 8]} collisions; "
                   f"the agent counts {link} requests, timeouts, bad frames")
    events = events_by_kind(checker.manager, checker.objects)
    report.say(f"events: {dict(events)}")
    for kind in UNHEARD_OF & set(events):
        checker.faults[f"event {kind}"] += events[kind]
    if checker.moved:
        report.say(f"what stood in wrong places came with answers that were: {dict(checker.moved)}")
    for example in checker.examples[:12]:
        report.say("  " + example)
    wrong = sum(checker.faults.values())
    report.say(f"RESULT: {checker.checked} values checked in {checker.rows} answers, of "
               f"{len(checker.answers_seen)} answers of the meters; {checker.absent} absent; {wrong} WRONG")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=".")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--lines", type=int, default=5, help="how many of the five lines")
    parser.add_argument("--share", type=float, default=0.05, help="of the requests that is answered late")
    parser.add_argument("--rest", type=float, default=0.15, help="seconds between looking at two panels")
    parser.add_argument("--report", help="file to add the results to")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder")
    options = parser.parse_args()
    report = Report(options.report)
    with rig.Rig(options.build, options.keep) as bench:
        specs = lines_of(options, bench)
        records = AllRecords([unit for spec in specs for unit in spec.units])
        counts = multiprocessing.get_context("fork").Array("q", 16 * len(specs), lock=False)
        child = multiprocessing.get_context("fork").Process(
            target=meters, args=(specs, records, options.share, counts), daemon=True)
        child.start()
        bench.children.append(child)
        bench.wait(lambda: all(spec.port or os.path.lexists(spec.path) for spec in specs), "lines", 5)
        configure(bench, specs)
        bench.start_snmpd()
        bench.start_meterxd()
        objects = rig.Objects(bench.build, bench.dir, names())
        manager = rig.Manager(bench.agent)
        online = f"{objects['mxAgentPanelsOnline']}.0"
        bench.wait(lambda: (manager.values([online]) or [0])[0], "panel online", 60)
        checker = Checker(manager, objects, specs, records)
        report.say(f"{time.strftime('%F %T')} late answers: {len(specs)} lines, {options.minutes} min, "
                   f"{options.share:.0%} of the requests late by up to {LATEST} response timeouts")
        watch(bench, options, report, checker, counts, specs)
        wrong = conclude(report, bench, checker, counts, specs)
    return 1 if wrong or checker.checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
