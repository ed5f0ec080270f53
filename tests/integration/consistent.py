"""Counts, states, rows and events of one answer agree, while alarms come and go.

Arguments: agent, community, socket of the simulator, seconds.
"""

import collections
import random
import socket
import sys
import threading
import time

import snmp_wire

PANELS, CHANNELS = (1, 2), range(1, 7)
LEVELS = {1: "critical", 2: "warning", 3: "warning", 4: "critical"}  # latches: bits 0 to 3
STATES = {1: "ok", 2: "warning", 3: "critical", 4: "unknown"}
RANK = ["ok", "warning", "unknown", "critical"]


def stream(control, stop):
    meter, chance = socket.socket(socket.AF_UNIX), random.Random(1)
    meter.connect(control)
    answers = meter.makefile()

    def poke(panel, registers, word):
        meter.sendall(f"poke {panel} {registers} {word}\n".encode())
        assert answers.readline().startswith("ok")

    while not stop.is_set():
        for panel in PANELS:
            poke(panel, 177 + chance.choice(CHANNELS), chance.randint(0, 15))
        time.sleep(0.01)
    for panel in PANELS:
        poke(panel, f"178-{177 + CHANNELS[-1]}", 0)


class Look:
    """One PDU: what is asked for, and what it must come to."""

    def __init__(self, manager, oids):
        self.manager, self.oids = manager, oids
        self.faults, self.looks, self.seen = collections.Counter(), 0, set()

    def ask(self, names):
        error, _, varbinds, _ = self.manager.ask(
            snmp_wire.GET, [(snmp_wire.object_id(name), snmp_wire.tlv(5, b"")) for name in names])
        if error != "noError":
            raise SystemExit(f"GET: {error}")
        values = [snmp_wire.parse(body)[1] for _, body in varbinds]
        return [None if tag & 0x80 else int.from_bytes(body, "big") for tag, body in values]

    def names(self, events):
        scalars = ("mxAgentLastEvent", "mxAgentActiveAlarms", "mxAgentLatchedAlarms",
                   "mxAgentWorstState")
        names = [f"{self.oids[name]}.0" for name in scalars]
        names += [f"{self.oids['mxPanelLatchedAlarms']}.{panel}" for panel in PANELS]
        names += [f"{self.oids['mxPanelWorstState']}.{panel}" for panel in PANELS]
        names += [f"{self.oids['mxAlarmLatched']}.{panel}.1.{channel}.{level}"
                  for panel in PANELS for channel in CHANNELS for level in LEVELS]
        for event in events:
            names += [f"{self.oids['mxActiveAlarmLatched']}.{event}",
                      f"{self.oids['mxEventNumber']}.{event}"]
        names += [f"{self.oids[name]}.0" for name in scalars[1:]]
        return names

    def expect(self, what, true):
        if not true:
            self.faults[what] += 1

    def look(self, chance):
        last = max(self.seen, default=0)
        events = [last - back for back in range(-8, 8) if last - back > 0]
        names = self.names(events)
        if chance.random() < 0.5:  # whichever is looked at first
            names = names[::-1]
            values = self.ask(names)[::-1]
        else:
            values = self.ask(names)
        self.check(values, events)
        self.looks += 1

    def check(self, values, events):
        last, active, latched, worst = values[:4]
        again = values[-3:]
        per_panel, states, values = values[4:6], [STATES[n] for n in values[6:8]], values[8:-3]
        n_rows = len(PANELS) * len(CHANNELS) * len(LEVELS)
        rows, pairs = values[:n_rows], values[n_rows:]
        each = n_rows // len(PANELS)
        self.expect("the same twice", again == [active, latched, worst])
        self.expect("panels and agent", sum(per_panel) == latched)
        self.expect("rows and agent", rows.count(1) == latched)
        for i, panel in enumerate(PANELS):
            mine = rows[i * each:(i + 1) * each]
            levels = [LEVELS[level] for _ in CHANNELS for level in LEVELS]
            state = max(["ok"] + [levels[k] for k in range(each) if mine[k] == 1], key=RANK.index)
            self.expect("rows and panel", mine.count(1) == per_panel[i])
            self.expect("rows and state of the panel", state == states[i])
        self.expect("states", STATES[worst] == max(states, key=RANK.index))
        for event, row, number in zip(events, pairs[::2], pairs[1::2]):
            self.expect("an alarm without its event", row is None or number == event)
            self.expect("an event after the last", number is None or event <= last)
        self.seen.add(last)


def main(agent, community, control, seconds):
    oids = snmp_wire.translate(["mxAgentLastEvent", "mxAgentActiveAlarms", "mxAgentLatchedAlarms",
                                "mxAgentWorstState", "mxPanelLatchedAlarms", "mxPanelWorstState",
                                "mxAlarmLatched", "mxActiveAlarmLatched", "mxEventNumber"])
    look, chance, stop = Look(snmp_wire.Manager(agent, community), oids), random.Random(2), threading.Event()
    changes = threading.Thread(target=stream, args=(control, stop))
    changes.start()
    first, until = look.ask([oids["mxAgentLastEvent"] + ".0"])[0], time.monotonic() + float(seconds)
    while time.monotonic() < until:
        look.look(chance)
    stop.set()
    changes.join()
    print(f"{look.looks} answers during {max(look.seen) - first} events: "
          f"{sum(look.faults.values())} that do not agree {dict(look.faults) or ''}")
    return 1 if look.faults or max(look.seen) == first else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
