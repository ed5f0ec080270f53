#!/usr/bin/env python3
"""A stream of alarms at the simulated meter, and whether all of them came through.

Raises and clears latches of branches at random. The meter itself counts what it
raises, by channel and level; afterwards that is compared with the events in the
database, and those with what snmptrapd has logged.

usage: loss.py stream CONTROL SEED          until SIGTERM; ends with all latches cleared
       loss.py marked DATABASE OUTPUT       the numbers that are marked delivered
       loss.py settled DATABASE             fails while an event is still to be told
       loss.py verdict CONTROL DATABASE LOG KILLS
"""

import json
import pathlib
import random
import re
import signal
import socket
import sqlite3
import sys
import time

PANELS = (1, 2)  # index and unit are the same
CHANNELS = 42
LEVELS = 5  # highHigh, high, low, lowLow, off: 46 counters each from register 301
QUIET, OVER, HIGH, LOW, LOWEST = 6, 15, 13, 1.2, 0.3  # amperes on breakers of 20


class Meter:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.answers = self.socket.makefile()

    def tell(self, *words):
        self.socket.sendall((" ".join(str(word) for word in words) + "\n").encode())
        answer = self.answers.readline().strip()
        if not answer.startswith("ok"):
            raise SystemExit(f"meterx-sim: {words}: {answer}")
        return answer[3:]

    def counters(self):
        """(panel, channel, level): raises since the meter was made"""
        raises = {}
        for panel in PANELS:
            for level in range(1, LEVELS + 1):
                first = 301 + (level - 1) * 46
                words = self.tell("reg", panel, f"{first}-{first + CHANNELS - 1}").split()[-CHANNELS:]
                for channel, word in enumerate(words, 1):
                    if int(word, 0):
                        raises[panel, channel, level] = int(word, 0)
        return raises


def quieten(meter):
    for panel in PANELS:
        meter.tell("current", panel, "all", QUIET)
    meter.tell("step", 1)
    for panel in PANELS:
        meter.tell("write", panel, 295, 31010)


def stream(control, seed):
    """Bursts of one to six: raise, clear, or both so fast that no poll sees it."""
    meter, chance, ended = Meter(control), random.Random(int(seed)), []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    while not ended:
        touched = [(chance.choice(PANELS), chance.randint(1, CHANNELS)) for _ in range(chance.randint(1, 6))]
        for panel, channel in touched:
            meter.tell("current", panel, channel, chance.choice((QUIET, OVER, HIGH, LOW, LOWEST)))
        meter.tell("step", 1)  # all delays are a second
        if chance.random() < 0.3:
            time.sleep(chance.random() * 0.2)
        for panel, channel in touched:
            if chance.random() < 0.7:
                meter.tell("current", panel, channel, QUIET)
                meter.tell("write", panel, 177 + channel, 0)
        time.sleep(chance.random() * 0.3)
    quieten(meter)


def rows(database, mode="ro"):
    """Events by number."""
    connection = sqlite3.connect(f"file:{database}?mode={mode}", uri=True, timeout=5)
    connection.row_factory = sqlite3.Row
    try:
        return {row["number"]: row for row in connection.execute("SELECT * FROM event ORDER BY number")}
    finally:
        connection.close()


def fixed(row):
    """What of an event may never change."""
    return [row[column] for column in ("wall_ms", "kind", "panel", "channel", "level", "text")]


def marked(database, output):
    """Of a copy, made after a kill: what is in its log only becomes part of it here."""
    events = rows(database, "rw")
    json.dump({"delivered": [n for n, row in events.items() if row["delivered"]],
               "events": {n: fixed(row) for n, row in events.items()}}, open(output, "w"))


def settled(database):
    waiting = [n for n, row in rows(database).items() if row["notify"] and not row["delivered"]]
    if waiting:
        raise SystemExit(f"{len(waiting)} events are still to be told")


def raises_told(events):
    """The same key as the meter's counters. One event may stand for several raises."""
    raises = {}
    for row in events.values():
        if row["kind"] == 1 and row["scope"] == 1 and row["level"] <= LEVELS:
            times = re.search(r"raised (\d+) times", row["text"])
            key = row["panel"], row["channel"], row["level"]
            raises[key] = raises.get(key, 0) + (int(times[1]) if times else 1)
    return raises


def received(log):
    """Numbers in the order of their arrival, with "after kill N" between, and the text of each."""
    arrivals, texts = [], {}
    for line in open(log, errors="replace"):
        marker = re.search(r"after kill (\d+)", line)
        number = re.search(r"mxEventNumber\.(\d+) (\d+)", line)
        if marker:
            arrivals.append(("kill", int(marker[1])))
        elif number:
            arrivals.append(("event", int(number[1])))
            texts[int(number[1])] = re.search(r"mxEventText\.\d+ \"?(.*?)\"?(\t|$)", line)[1]
    return arrivals, texts


def verdict(control, database, log, kills):
    faults = []
    meter_raises = Meter(control).counters()
    events = rows(database)
    told = raises_told(events)
    arrivals, texts = received(log)
    folder = pathlib.Path(kills)
    snapshots = {int(path.stem): json.load(open(path)) for path in folder.glob("*.json")}

    for key in sorted(meter_raises.keys() | told.keys()):
        if meter_raises.get(key, 0) != told.get(key, 0):
            faults.append(f"panel {key[0]} branch {key[1]} level {key[2]}: raised {meter_raises.get(key, 0)}"
                          f" times at the meter, {told.get(key, 0)} times in the events")
    last = {}
    for row in events.values():
        if row["kind"] in (1, 2) and row["level"] <= LEVELS:
            last[row["panel"], row["scope"], row["channel"], row["level"]] = row
    faults += [f"event {row['number']} was never cleared: {row['text']}" for row in last.values() if row["kind"] == 1]

    latest = 0
    for row in events.values():
        if row["wall_ms"] < latest - 1000:
            faults.append(f"event {row['number']} is older than those before it")
        latest = max(latest, row["wall_ms"])
    for kill, snapshot in snapshots.items():
        for number, was in snapshot["events"].items():
            row = events.get(int(number))
            if row is None or fixed(row) != was:
                faults.append(f"event {number} of kill {kill} is gone or another now")

    notify = {n for n, row in events.items() if row["notify"]}
    numbers = [number for kind, number in arrivals if kind == "event"]
    lost = notify - set(numbers)
    faults += [f"event {n} was not received: {events[n]['text']}" for n in sorted(lost)]
    faults += [f"event {n} was received but is not in the database" for n in sorted(set(numbers) - notify)]
    faults += [f"event {n} was received as \"{text}\", not \"{events[n]['text']}\""
               for n, text in texts.items() if n in events and text != events[n]["text"]]
    done, again = set(), 0
    for kind, number in arrivals:
        if kind == "kill":
            done |= set(snapshots[number]["delivered"]) if number in snapshots else set()
        elif number in done:
            again += 1
            faults.append(f"event {number} was marked delivered, and received again")

    merged = sum(1 for row in events.values() if re.search(r"raised \d+ times", row["text"]))
    print(f"kills of the agent: {len(snapshots)}")
    print(f"raises counted by the meter: {sum(meter_raises.values())}")
    print(f"raises in the events: {sum(told.values())} ({merged} events stand for several)")
    print(f"events in the database: {len(events)}, {len(notify)} with a notification, "
          f"{sum(1 for row in events.values() if row['delivered'])} marked delivered")
    print(f"notifications received: {len(numbers)}, of {len(set(numbers))} events")
    print(f"received twice, not marked at the kill: {len(numbers) - len(set(numbers)) - again}")
    print(f"received again though marked: {again}")
    print(f"lost: {len(lost)}")
    for fault in faults[:20]:
        print(f"FAULT {fault}")
    if len(faults) > 20:
        print(f"and {len(faults) - 20} more")
    if faults or not notify or not snapshots:
        raise SystemExit(1)


commands = {"stream": stream, "marked": marked, "settled": settled, "verdict": verdict}
if len(sys.argv) < 3 or sys.argv[1] not in commands:
    sys.exit(__doc__)
commands[sys.argv[1]](*sys.argv[2:])
