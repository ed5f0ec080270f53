#!/usr/bin/env python3
"""SETs of every kind against a real master agent and a simulated meter.

One line a case: what the manager saw and after how long, what the meter holds
when all is over, the write status, and the longest that anybody else waited for
sysUpTime meanwhile. What must be so is checked; how long it took is only shown,
but for one thing: no SET may end as a timeout or genErr, for then the master
agent has given up on us.

usage: write_matrix.py AGENT CONTROL SIMULATOR
"""

import subprocess
import sys
import threading
import time

import snmp_wire

UPTIME = "1.3.6.1.2.1.1.3.0"
OBJECTS = ["mxThresholdValue", "mxThresholdDelay", "mxThresholdHysteresis", "mxBranchLabel",
           "mxBranchTenant", "mxBranchRating", "mxBranchCurrent", "mxBranchReset", "mxPanelCommand",
           "mxPanelLocation", "mxPanelState", "mxPanelWriteStatus", "mxPanelWriteReason",
           "mxAlarmLatched", "mxThresholdWriteStatus", "mxThresholdWriteReason", "mxAgentCommand",
           "mxPanelDemandInterval"]
STATUS = {1: "idle", 2: "pending", 3: "done", 4: "failed"}
OTHER = "1.3.6.1.4.1.8072.9999.9999.777" # another subagent, see write-matrix.sh
LIMIT, DELAY = "171", "165"  # registers of the high-high limit and its delay
PATIENCE_S = 30

agent, control, simulator = sys.argv[1:4]
oids = {}
failures = []


def sim(*words):
    said = subprocess.run([simulator, "--tell", control] + [str(word) for word in words],
                          capture_output=True, text=True)
    if said.returncode != 0:
        raise RuntimeError(f"sim {words}: {said.stdout}{said.stderr}")
    return said.stdout.strip().removeprefix("ok").strip()


def register(unit, number):
    return int(sim("reg", unit, number).split()[-1])


def oid(text):
    name, _, instance = text.partition(".")
    return f"{oids[name]}.{instance}"


class Bystander(threading.Thread):
    """Somebody who only wants to know sysUpTime, all the time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.manager = snmp_wire.Manager(agent, "public")
        self.longest = 0.0
        self.running = True

    def run(self):
        while self.running:
            begun = time.monotonic()
            self.manager.get(UPTIME)
            self.longest = max(self.longest, (time.monotonic() - begun) * 1000)
            time.sleep(0.002)


bystander = Bystander()
reader = None


def wait(what, condition):
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until:
            failures.append(f"never: {what}")
            return
        time.sleep(0.05)


def settled(panel):
    """Status and reason when nothing is under way any more."""
    wait(f"panel {panel} settled", lambda: reader.get(oid(f"mxPanelWriteStatus.{panel}")) != 2)
    return (STATUS[reader.get(oid(f"mxPanelWriteStatus.{panel}"))],
            reader.get(oid(f"mxPanelWriteReason.{panel}")))


def check(case, what, have, want):
    good = have in want if isinstance(want, (tuple, list, set)) else have == want
    if not good:
        failures.append(f"{case}: {what} is {have!r}, not {want!r}")


def show(case, error, took, held, status, reason):
    if error.split("/")[0] not in ("noError", "commitFailed", "undoFailed") and "taken back" not in reason:
        status, reason = "-", ""  # nothing was begun: that is of the write before
    print(f"{case:44} {error:20} {took:7.1f} ms  {held:28} {status:8} "
          f"others {bystander.longest:6.1f} ms  {reason}")


def write(*varbinds, community="private"):
    manager = snmp_wire.Manager(agent, community)
    error, index, took = manager.set([(oid(name), kind, what) for name, kind, what in varbinds])
    return error, index, took


# (unit, register, value, object): what a case may change
DEFAULTS = [
    (1, LIMIT, 700, "mxThresholdValue.1.1.0.1"),
    (1, DELAY, 10, "mxThresholdDelay.1.1.0.1"),
    (1, "125", 20, "mxBranchRating.1.7"),
    (2, LIMIT, 700, "mxThresholdValue.2.1.0.1"),
    (6, LIMIT, 700, "mxThresholdValue.4.1.0.1"),
]


def default():
    """The meter as it was, and the agent knows that."""
    sim("fault", "none")
    for panel in (1, 2, 4):
        wait(f"panel {panel} online", lambda: reader.get(oid(f"mxPanelState.{panel}")) == 1)
    for unit, number, value, _ in DEFAULTS:
        sim("write", unit, number, value)
    wait("all polled", lambda: write(("mxAgentCommand.0", "i", 3))[0] == "noError")
    for _, _, value, name in DEFAULTS:
        value = value * 1000 if "Rating" in name else value
        wait(f"{name} is {value}", lambda: reader.get(oid(name)) == value)


def run(case, varbinds, error, held=None, panel=1, status=None, index=None):
    """held: {(unit, register): value or values} afterwards."""
    bystander.longest = 0.0
    got, where, took = write(*varbinds)
    state, reason = settled(panel)
    registers = {key: register(*key) for key in (held or {})}
    show(case, got, took, " ".join(f"{unit}:{number}={value}"
                                   for (unit, number), value in registers.items()), state, reason)
    check(case, "the answer", got, error)
    if got in ("timeout", "genErr"):
        failures.append(f"{case}: the master agent gave up")
    if index is not None:
        check(case, "the index", where, index)
    for key, want in (held or {}).items():
        check(case, f"register {key[1]} of unit {key[0]}", registers[key], want)
    if status is not None:
        check(case, "the status", state, status)
    return got, state, reason, registers


def truth(case, result, key, old, new):
    """Whatever was answered: the status is what the meter holds, an ok is kept."""
    got, state, reason, registers = result
    if "NOT taken back" not in reason: # then nobody knows, and that is said
        check(case, "what the meter holds by its status", registers[key],
              new if state == "done" else old)
    if got == "noError":
        check(case, "the status after noError", state, "done")


def limit(value, panel=1):
    return (f"mxThresholdValue.{panel}.1.0.1", "u", value)


def simple_cases():
    run("good", [limit(650)], "noError", {(1, LIMIT): 650}, status="done", index=0)
    default()
    run("voltage limit", [("mxThresholdValue.1.3.0.2", "u", 262000)], "noError", status="done")
    check("voltage limit", "it", reader.get(oid("mxThresholdValue.1.3.0.2")), 262000)
    run("voltage limit, finer than the register", [("mxThresholdValue.1.3.0.2", "u", 262001)],
        "commitFailed", status="failed")
    check("voltage limit", "it", reader.get(oid("mxThresholdValue.1.3.0.2")), 262000)
    run("out of range", [limit(1001)], "wrongValue", {(1, LIMIT): 700}, index=1)
    run("wrong type", [("mxThresholdValue.1.1.0.1", "i", 650)], "wrongType", {(1, LIMIT): 700})
    run("read-only in the MIB", [("mxBranchCurrent.1.1", "u", 5)], "notWritable")
    run("no such row", [("mxBranchLabel.1.43", "s", "x")], "noCreation")
    run("not in the list of the panel", [("mxThresholdValue.3.1.0.1", "u", 650)], "notWritable",
        {(5, LIMIT): 700}, panel=3, status="idle")
    run("same object twice", [limit(650), limit(600)], "inconsistentValue", {(1, LIMIT): 700},
        index=2)
    run("name with bad UTF-8", [("mxBranchLabel.1.7", "s", b"K\xfchlung")], "wrongValue")
    run("name too long", [("mxBranchLabel.1.7", "s", "x" * 65)], "wrongLength")


def offline_cases():
    sim("fault", "deaf", "unit", 2)
    wait("panel 2 offline", lambda: reader.get(oid("mxPanelState.2")) == 3)
    run("panel offline", [limit(650, 2)], "resourceUnavailable", panel=2)
    run("panel offline, a name", [("mxBranchLabel.2.7", "s", "away")], "noError", panel=2,
        status="done")
    run("link not up", [limit(650, 9)], "resourceUnavailable", panel=9, status="idle")
    default()


def refusing_cases():
    for code in (1, 2, 3, 4, 5, 6, 8, 10, 11):
        for function in (6, 16):
            sim("fault", "exception", code, "function", function)
        run(f"meter answers exception {code}", [limit(650)], "commitFailed", {(1, LIMIT): 700},
            status="failed", index=1)
        default()
    for function in (6, 16):
        sim("fault", "ignore-write", "function", function)
    run("meter does not keep it", [limit(650)], "commitFailed", {(1, LIMIT): 700}, status="failed")
    default()
    run("not accepted by the meter (1 to 9 s)", [("mxPanelDemandInterval.1", "u", 5)],
        "commitFailed", {(1, "72"): 900}, status="failed")


def late_cases():
    for late in (300, 1000, 3000):
        for function in (6, 16):
            sim("fault", "late", late, "function", function)
        case = f"write answered {late / 1000:g} s late"
        truth(case, run(case, [limit(650)], ("noError", "commitFailed"), {(1, LIMIT): (650, 700)}),
              (1, LIMIT), 700, 650)
        default()
        sim("fault", "late", late, "unit", 1)
        case = f"all answered {late / 1000:g} s late"
        truth(case, run(case, [limit(640)], ("noError", "commitFailed", "resourceUnavailable"),
                        {(1, LIMIT): (640, 700)}), (1, LIMIT), 700, 640)
        default()
    for function in (6, 16):
        sim("fault", "silent", "function", function)
    case = "write never answered"
    truth(case, run(case, [limit(630)], ("noError", "commitFailed"), {(1, LIMIT): (630, 700)}),
          (1, LIMIT), 700, 630)
    default()


def several_cases():
    bystander.longest = 0.0
    results = {}
    managers = [threading.Thread(target=lambda v=v: results.update({v: write(limit(v))}))
                for v in (610, 620)]
    for manager in managers:
        manager.start()
    for manager in managers:
        manager.join()
    state, reason = settled(1)
    held = register(1, LIMIT)
    show("two managers at once", "/".join(results[v][0] for v in results),
         max(results[v][2] for v in results), f"1:{LIMIT}={held}", state, reason)
    check("two managers", "answers", {results[v][0] for v in results}, [{"noError"}])
    check("two managers", "the limit", held, (610, 620))
    default()
    run("three at once", [limit(650), ("mxThresholdDelay.1.1.0.1", "u", 20),
                          ("mxBranchRating.1.7", "u", 16000)], "noError",
        {(1, LIMIT): 650, (1, DELAY): 20, (1, "125"): 16}, status="done")
    default()
    rating = register(1, "125")
    for function in (6, 16):
        sim("fault", "exception", 3, "function", function, "regs", "125-125")
    run("three at once, the last fails", [limit(650), ("mxThresholdDelay.1.1.0.1", "u", 20),
                                          ("mxBranchRating.1.7", "u", 20000)], "commitFailed",
        {(1, LIMIT): 700, (1, DELAY): 10, (1, "125"): rating}, status="failed", index=3)
    default()
    for function in (6, 16):
        sim("fault", "exception", 3, "function", function, "unit", 2)
    run("two panels, the second fails", [limit(650), limit(650, 2)], "commitFailed",
        {(1, LIMIT): 700, (2, LIMIT): 700}, status="failed", index=2)
    default()
    run("two panels", [limit(650), limit(650, 2)], "noError",
        {(1, LIMIT): 650, (2, LIMIT): 650}, status="done")
    default()
    run("label and limit", [("mxBranchLabel.1.7", "s", "Kühlung"), limit(650)], "noError",
        {(1, LIMIT): 650}, status="done")
    check("label and limit", "the label", reader.get(oid("mxBranchLabel.1.7")), "Kühlung")
    default()
    for function in (6, 16):
        sim("fault", "exception", 3, "function", function)
    run("label and limit, the limit fails", [("mxBranchLabel.1.7", "s", "other"), limit(640)],
        "commitFailed", {(1, LIMIT): 700}, status="failed", index=2)
    check("label and limit, the limit fails", "the label", reader.get(oid("mxBranchLabel.1.7")),
          "Kühlung")
    default()


def async_cases():
    run("async", [limit(650, 4)], "noError", {(6, LIMIT): 650}, panel=4, status="done")
    for function in (6, 16):
        sim("fault", "exception", 3, "function", function, "unit", 6)
    run("async, refused by the meter", [limit(600, 4)], "noError", {(6, LIMIT): 650}, panel=4,
        status="failed")
    run("async and label", [limit(600, 4), ("mxBranchLabel.4.1", "s", "x")], "noError", panel=4)
    default()
    for function in (6, 16):
        sim("fault", "late", 1000, "function", function)
    run("async, late 1 s", [limit(620, 4)], "noError", {(6, LIMIT): 620}, panel=4,
        status="done")
    default()
    run("async and not, the other fails", [limit(600, 4), ("mxPanelDemandInterval.1", "u", 5)],
        "commitFailed", {(1, "72"): 900}, index=2)


def undo_cases():
    """Somebody else's object in the same SET: it can be written, or it fails after ours was."""
    run("with another agent's object", [limit(650), (OTHER + ".1.0", "i", 5)], "noError",
        {(1, LIMIT): 650}, status="done")
    default()
    got = run("another agent's object fails", [limit(650), (OTHER + ".2.0", "i", 5)],
              ("notWritable", "commitFailed"), {(1, LIMIT): 700}, status="failed", index=2)
    check("another agent's object fails", "the reason", got[2],
          ["taken back: another agent failed in the same SET"])
    run("the same with a name", [("mxBranchLabel.1.8", "s", "x"), (OTHER + ".2.0", "i", 5)],
        ("notWritable", "commitFailed"), index=2)
    check("the same with a name", "the label", reader.get(oid("mxBranchLabel.1.8")), "")
    run("and with a latch", [("mxAlarmLatched.1.1.7.1", "i", 2), (OTHER + ".2.0", "i", 5)],
        ("undoFailed", "notWritable", "commitFailed"))
    default()


def command_cases():
    run("poll now", [("mxPanelCommand.1", "i", 7)], "noError")
    run("poll all now", [("mxAgentCommand.0", "i", 3)], "noError")
    run("clear all latches", [("mxAgentCommand.0", "i", 2)], "noError", status="done")
    sim("current", 1, 7, 150)
    sim("time", "+120")
    wait("branch 7 latched", lambda: reader.get(oid("mxAlarmLatched.1.1.7.1")) == 1)
    sim("current", 1, 7, 1)
    run("clear a latch", [("mxAlarmLatched.1.1.7.1", "i", 2)], "noError", status="done")
    check("clear a latch", "it at once", reader.get(oid("mxAlarmLatched.1.1.7.1")), 2)
    run("set a latch", [("mxAlarmLatched.1.1.7.1", "i", 1)], "wrongValue")
    run("reset a maximum", [("mxBranchReset.1.7", "i", 3)], "noError", status="done")
    run("no command", [("mxPanelCommand.1", "i", 1)], "wrongValue")


def main():
    global reader
    oids.update(snmp_wire.translate(OBJECTS))
    oids["1"] = "1"
    reader = snmp_wire.Manager(agent, "public")
    bystander.start()
    default()
    simple_cases()
    offline_cases()
    refusing_cases()
    several_cases()
    async_cases()
    undo_cases()
    command_cases()
    late_cases()
    bystander.running = False
    if failures:
        sys.exit("\n".join(failures))


main()
