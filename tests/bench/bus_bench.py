#!/usr/bin/env python3
"""How much of a serial line is put to use, against the wire model, mbpoll and pymodbus.

    tests/bench/bus_bench.py --build DIR [--seconds 40] [--bauds 9600,19200,38400] [--modes 8N1,8E1]

Meters of 42 branches on ptys which give no character before its time (wire.py). The
agent polls them without a pause: its poll interval is a little shorter than a round
takes (0.8), so that it always has something to do and never needs to overtake
itself. Counted on the line are the registers that were asked for and answered; those
a point of the profile needs (alarm status and measurements, 625 of a panel) in a
second, against

    model   what the same reads would take by the wire model, as a share of the time: all
            that gets lost between two requests is missing here (goal 0.97)
    ideal   what a line could bring that reads just the needed registers, 125 a read
    beside  the model's share of a reference without any thought (frame, wait for the
            whole answer, keep the silence, next) at the same time on such a line: what is
            missing there is lost by the paced line itself, for the kernel hands
            characters of a pty on when it finds the time; and what the agent
            made of that

for one meter, eight, and eight of which one has been dead for a minute (goal 0.90); silence is the
least and the median between an answer and the next request. In the same run, on
lines of the same kind: mbpoll, a command for each block of registers as a script
does it; pymodbus, one client, the same blocks, and a block for each quantity; "/ours"
is what they bring in a second, of what the agent brings.
"""

import argparse
import json
import multiprocessing
import os
import select
import statistics
import struct
import subprocess
import sys
import time

import late_hour
import rig
import wire

GOAL, GOAL_DEAD = 0.97, 0.90
# What else the host does is not measured: who reads, and the line itself, go before it.
AHEAD = ["chrt", "-f", "4"] if os.geteuid() == 0 else []
OVERLOAD = 0.8  # poll interval as a share of what a round takes
DEAD_FOR = 62  # seconds; a unit that stays dead is asked less and less, every 30 s in the end
HEARD = struct.Struct("<ddHHH")  # answered at, silence before the request, unit, first, count
LOG = 1 << 16


class Steady(late_hour.Meter):
    """Always the same words; all of them at once."""

    def __init__(self, unit):
        super().__init__(unit)
        self.image = super().words(0, 65536 - 1, 0)

    def words(self, first, count, _):
        return self.image[2 * first:2 * (first + count)]


class BenchLine(wire.Line):
    def __init__(self, loop, times, path, units, log, chunk):
        super().__init__(loop, times, path=path, chunk=chunk)
        self.meters = {unit: Steady(unit) for unit in units}
        self.log = log

    def answer(self, heard, unit, function, first, count):
        if unit not in self.meters or not 0 < count <= 125:
            return
        head = struct.pack(">BBB", unit, function, 2 * count)
        frame = wire.checked(head + self.meters[unit].words(first + 1, count, 0))
        end = self.send(heard + self.wire.gap + self.wire.turnaround, frame)
        self.log.add(end, self.gap, unit, first + 1, count)


class Log:
    """Answered reads of one line, in memory that two processes share."""

    def __init__(self):
        self.memory = multiprocessing.get_context("fork").RawArray("c", HEARD.size * LOG)
        self.n = multiprocessing.get_context("fork").RawValue("q", 0)
        self.state = multiprocessing.get_context("fork").RawArray("d", 8)

    def add(self, *fields):
        HEARD.pack_into(self.memory, HEARD.size * (self.n.value % LOG), *fields)
        self.n.value += 1

    def between(self, begin, end):
        found = (HEARD.unpack_from(self.memory, HEARD.size * (i % LOG)) for i in range(self.n.value))
        return [read for read in found if begin <= read[0] < end]


def meters(setups, chunk):
    """The process on the far end of all lines."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))
    except PermissionError:
        pass
    loop = wire.Loop()
    lines = [BenchLine(loop, times, path, units, log, chunk) for times, path, units, log in setups]

    def report():
        for line in lines:
            line.log.state[:3] = [line.requests, line.short_gaps, line.collisions]
        loop.at(time.monotonic() + 0.2, report)

    report()
    loop.run()


def needed_of(build):
    """Registers that a poll of alarm status and measurements needs, and the reads it is done in."""
    said = subprocess.run([os.path.join(build, "meterx"), "profile", "show", "--json", "-d",
                           os.path.join(rig.SOURCE, "conf/profiles"), "bcpme"],
                          check=True, capture_output=True, text=True).stdout
    plan = next(p for p in json.loads(said)["plans"] if p["classes"] == ["alarm", "fast"])
    reads = [(r["first"], r["last"] - r["first"] + 1) for r in plan["reads"]]
    needed = {n for first, count in reads for n in range(first, first + count)}
    if len(needed) != plan["needed"]:
        raise SystemExit("the plan reads registers that nobody needs: count them")
    return needed, reads


class Result:
    beside = None  # what the reference brought meanwhile, of the model

    def __init__(self, name, times, needed, reads, seconds, log):
        self.name, self.times = name, times
        counts = [read[-1] for read in reads]
        brought = sum(len(needed.intersection(range(first, first + count))) for *_, first, count in reads)
        gaps = sorted(read[1] for read in reads) or [0]
        self.gaps = gaps[0], gaps[len(gaps) // 2]
        per_second = len(needed) / times.ideal(len(needed))
        self.model = times.reads(counts) / seconds
        self.ideal = brought / seconds / per_second
        self.per_second = brought / seconds
        self.reads = len(reads)
        self.collisions = int(log.state[2])

    def show(self, ours=None):
        """ours: whom to compare with."""
        beside = f"{self.beside:8.3f} {self.model / self.beside:6.3f}" if self.beside else " " * 15
        ratio = f"{self.per_second / ours.per_second:6.2f}" if ours else " " * 6
        print(f"  {self.times.baud:6} {self.times.mode}  {self.name:34} {self.per_second:8.1f} {self.reads:6} "
              f"{self.model:7.3f} {self.ideal:7.3f} {beside} {ratio} "
              f"{1000 * self.gaps[0]:7.2f} {1000 * self.gaps[1]:5.2f}"
              f"{f'   {self.collisions} collisions' if self.collisions else ''}", flush=True)


def header():
    print(f"  {'line':11} {'who':34} {'needed/s':>8} {'reads':>6} {'model':>7} {'ideal':>7} {'beside':>8} {'of it':>6} "
          f"{'/ours':>6} {'silence/ms':>13}")


# Who reads


def reference(times, path, reads, until):
    """As simple as can be, and no slower than the line: what is missing is the paced line's own."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    if AHEAD:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(4))
    try:
        last = 0.0
        while time.monotonic() < until:
            for first, count in reads:
                while time.monotonic() < last + times.gap:
                    time.sleep(max(0, last + times.gap - time.monotonic() - 0.00005))
                os.write(fd, wire.checked(struct.pack(">BBHH", 1, 3, first - 1, count)))
                missing = 5 + 2 * count
                while missing > 0:
                    if not select.select([fd], [], [], 2)[0]:
                        raise RuntimeError("the paced line does not answer")
                    missing -= len(os.read(fd, missing))
                last = time.monotonic()
    finally:
        if AHEAD:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.close(fd)


def mbpoll(times, path, reads, until):
    parity, stop_bits, _ = wire.MODES[times.mode]
    while time.monotonic() < until:
        for first, count in reads:
            done = subprocess.run([*AHEAD, "mbpoll", "-m", "rtu", "-a", "1", "-b", str(times.baud), "-P", parity, "-s",
                                   str(stop_bits), "-r", str(first), "-c", str(count), "-1", path],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
                                  timeout=30)
            if done.returncode != 0:
                raise RuntimeError(f"mbpoll: {done.stderr.decode()}")
            if time.monotonic() >= until:
                return


PYMODBUS = r"""
import json, sys, time
try:
    from pymodbus.client import ModbusSerialClient
except ImportError:
    from pymodbus.client.sync import ModbusSerialClient
path, baud, parity, stop_bits, reads, seconds = json.loads(sys.argv[1])
options = dict(port=path, baudrate=baud, parity=parity, stopbits=stop_bits, bytesize=8, timeout=2)
try:
    client = ModbusSerialClient(method="rtu", **options)
except TypeError:
    client = ModbusSerialClient(**options)
client.connect()
until = time.monotonic() + seconds
while time.monotonic() < until:
    for first, count in reads:
        for name in ("slave", "unit", "device_id"):
            try:
                answer = client.read_holding_registers(first - 1, count=count, **{name: 1})
                break
            except TypeError:
                continue
        if answer.isError() or len(answer.registers) != count:
            sys.exit(f"pymodbus: {answer}")
        if time.monotonic() >= until:
            break
"""


def pymodbus(times, path, reads, until):
    """pyserial cannot set a parity on a pty, which has none; the line keeps the time of it all the same."""
    argument = json.dumps([path, times.baud, "N", wire.MODES[times.mode][1], reads, until - time.monotonic()])
    done = subprocess.run([*AHEAD, "/usr/bin/python3", "-c", PYMODBUS, argument], capture_output=True, text=True,
                          check=False, timeout=until - time.monotonic() + 30)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-500:])


def per_quantity(needed):
    """The blocks of the manufacturer's list: 42 branches of one quantity, energies twice as long."""
    blocks = [(178, 66), (244, 50), (296, 5), (1168, 84)] + [(n, 42) for n in range(1252, 1672, 42)]
    return [block for block in blocks if block[0] in needed]


def others(needed, reads):
    """Name, who, their reads."""
    return [("mbpoll, a command a block of 125", mbpoll, reads),
            ("pymodbus, blocks of 125", pymodbus, reads),
            ("pymodbus, a block a quantity", pymodbus, per_quantity(needed))]


# Runs


class Lines:
    """Paced lines in a process of their own."""

    made = 0

    def __init__(self, bench, setups, chunk):
        Lines.made += 1
        self.logs = [Log() for _ in setups]
        self.paths = [bench.path(f"line{Lines.made}.{i}") for i in range(len(setups))]
        self.child = multiprocessing.get_context("fork").Process(
            target=meters, daemon=True, args=([(times, path, units, log) for (times, units), path, log in
                                               zip(setups, self.paths, self.logs)], chunk))
        self.child.start()
        bench.children.append(self.child)
        bench.wait(lambda: all(os.path.lexists(path) for path in self.paths), "paced lines", 10)

    def end(self, bench):
        bench.children.remove(self.child)
        self.child.terminate()
        self.child.join(5)
        if self.child.is_alive():
            self.child.kill()
            self.child.join()


def run_agent(bench, options, cases, needed, plan_reads):
    """cases: (name, wire, units, dead units); all at once. Results in their order."""
    lines = Lines(bench, [(times, [u for u in units if u not in dead]) for _, times, units, dead in cases] +
                  [(times, [1]) for _, times, _, _ in cases], options.chunk)
    conf, panel, warm = ["slow-poll = 3600000"], 0, 0.0
    for i, (_, times, units, dead) in enumerate(cases):
        round_s = len(units) * times.reads([count for _, count in plan_reads])
        rhythm = max(100, int(OVERLOAD * 1000 * round_s))
        warm = max(warm, 4 * round_s + 5, DEAD_FOR if dead else 0)
        conf.append(f'link "L{i}" {{ transport = "rtu" device = "{lines.paths[i]}" {times.conf()} }}')
        for unit in units:
            panel += 1
            conf.append(f'panel "P{panel}" {{ index = {panel} link = "L{i}" unit = {unit} profile = "bcpme" '
                        f"encoding = \"integer\" poll = {rhythm} alarm-poll = {rhythm} }}")
    bench.write_conf(conf)
    bench.start_meterxd("--log-level", "warning", before=AHEAD)
    time.sleep(warm)
    before = [log.state[2] for log in lines.logs]
    used, begin = rig.Usage(bench.processes["meterxd"].pid).cpu, time.monotonic()
    end = begin + max(options.seconds, warm / 2, DEAD_FOR if cases[0][3] else 0)
    helpers = [multiprocessing.get_context("fork").Process(target=reference, args=(times, path, plan_reads, end))
               for (_, times, _, _), path in zip(cases, lines.paths[len(cases):])]
    for helper in helpers:
        helper.start()
    bench.children += helpers
    time.sleep(end - time.monotonic())
    for helper in helpers:
        helper.join(5)
        bench.children.remove(helper)
    used = rig.Usage(bench.processes["meterxd"].pid).cpu - used
    results = []
    for (name, times, _, _), log, collisions in zip(cases, lines.logs, before):
        result = Result(name, times, needed, log.between(begin, end), end - begin, log)
        result.collisions -= int(collisions)
        results.append(result)
    for result, log in zip(results, lines.logs[len(cases):]):
        result.beside = Result("", result.times, needed, log.between(begin, end), end - begin, log).model
    print(f"  ({len(cases)} lines at once for {end - begin:.0f} s: meterxd took {used / (end - begin):.1%} of a core)")
    bench.stop("meterxd")
    lines.end(bench)
    return results


def run_other(bench, options, name, who, times, needed, reads):
    lines = Lines(bench, [(times, [1])], options.chunk)
    begin = time.monotonic()
    try:
        who(times, lines.paths[0], reads, begin + options.seconds / 2)
        end = time.monotonic()
        done = lines.logs[0].between(begin, end)
        # From the first answer to the last: starting an interpreter is not polling.
        if who is pymodbus and len(done) > 1:
            begin, done = done[0][0], done[1:]
            end = done[-1][0]
        time.sleep(0.3)
        return Result(name, times, needed, done, end - begin, lines.logs[0])
    finally:
        lines.end(bench)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=".")
    parser.add_argument("--seconds", type=float, default=40, help="of each measurement, at least")
    parser.add_argument("--bauds", default="9600,19200,38400")
    parser.add_argument("--modes", default="8N1,8E1")
    parser.add_argument("--turnaround", type=float, default=0, help="milliseconds the meters take")
    parser.add_argument("--chunk", type=float, default=2, help="milliseconds of characters that arrive together; "
                        "the last of an answer is never late for it. 0: each by itself")
    parser.add_argument("--at-once", type=int, default=3, help="lines that are measured together")
    parser.add_argument("--skip", default="", help="agent, others")
    options = parser.parse_args()
    options.chunk /= 1000
    needed, reads = needed_of(options.build)
    wires = [wire.Wire(baud, mode, options.turnaround / 1000) for baud in map(int, options.bauds.split(","))
             for mode in options.modes.split(",")]
    worst = {GOAL: [], GOAL_DEAD: []}
    with rig.Rig(options.build) as bench:
        print(f"{len(needed)} needed registers of a panel in {len(reads)} reads of the agent; by the wire model "
              "its plan comes to " + ", ".join(f"{w.ideal(len(needed)) / w.reads([c for _, c in reads]):.3f}"
                                              f" at {w.baud} {w.mode}" for w in wires))
        header()
        best = {}
        for units, dead in (([1], []), (list(range(1, 9)), []), (list(range(1, 9)), [5])):
            if "agent" in options.skip:
                break
            name = f"meterxd, {len(units)} unit{'s' if len(units) > 1 else ''}{', one of them dead' if dead else ''}"
            for i in range(0, len(wires), options.at_once):
                for result in run_agent(bench, options, [(name, w, units, dead) for w in wires[i:i + options.at_once]],
                                        needed, reads):
                    best.setdefault((result.times.baud, result.times.mode), result)
                    worst[GOAL_DEAD if dead else GOAL].append(result)
                    result.show()
        for times in wires:
            for name, who, blocks in others(needed, reads):
                if "others" in options.skip:
                    break
                run_other(bench, options, name, who, times, needed, blocks).show(best.get((times.baud, times.mode)))
    for goal, results in worst.items():
        for what, share in (("the model of its reads", lambda r: r.model),
                            ("what the paced line gives", lambda r: r.model / r.beside),
                            ("an ideal line", lambda r: r.ideal)):
            if results:
                shares = [share(r) for r in results]
                print(f"{'one of eight dead' if goal == GOAL_DEAD else 'all alive'}, goal {goal:.2f}: of {what} "
                      f"at least {min(shares):.3f}, median {statistics.median(shares):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
