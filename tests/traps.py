#!/usr/bin/env python3
"""What receivers of traps got, against mxEventTable.

    traps.py check AGENT COMMUNITY TABLES LOG...    every event told once in every log, in order,
                                                    each varbind as GET gives it; --repeats N:
                                                    so many may have come twice (printed)
    traps.py count TABLES LOG                       lines "NOTIFICATION SCOPE LEVEL COUNT"
    traps.py stored DATABASE COUNT                  so many events with a notification, all delivered

TABLES is what tests/unit/list_tables prints, a LOG what start_receiver of lib.sh has written.
"""
import collections
import re
import sqlite3
import subprocess
import sys

TRAP_OID = ".1.3.6.1.6.3.1.1.4.1.0"
UPTIME_OID = ".1.3.6.1.2.1.1.3.0"
SAMPLES = 150  # of a long stream
GET = ["snmpget", "-v2c", "-t", "2", "-r", "3", "-m", "", "-Onqe"]


class Model:
    """Notifications and columns as the agent lists them (mib-agrees.sh compares them with the MIB)."""

    def __init__(self, path):
        self.columns, self.objects, self.names = {}, {}, {}
        table = None
        for line in open(path):
            word = line.split()
            if word[0] == "table":
                table = word[1]
            elif word[0] == "column" and table == "mxEventTable":
                self.columns[word[1]] = int(word[2])
            elif word[0] == "notification":
                self.names[int(word[2])] = word[1]
                self.objects[word[1]] = [self.columns[name] for name in word[3:]]


class Trap:
    def __init__(self, line):
        self.varbinds = [tuple(pair.split(" ", 1)) for pair in line.split("\t")]
        oid, kind = self.varbinds[1]
        if self.varbinds[0][0] != UPTIME_OID or oid != TRAP_OID:
            sys.exit("no notification: %s" % line)
        self.root, self.subid = re.fullmatch(r"(.*)\.0\.(\d+)", kind).groups()
        self.subid = int(self.subid)
        self.cells = {}
        for oid, value in self.varbinds[2:]:
            match = re.fullmatch(re.escape(self.root) + r"\.1\.14\.1\.(\d+)\.(\d+)", oid)
            if match is None:
                sys.exit("a strange object: %s" % oid)
            self.cells[int(match[1])] = value
            self.number = int(match[2])
        if self.cells[2] != str(self.number):
            sys.exit("event %d says it is %s" % (self.number, self.cells[2]))


def traps_of(path):
    found = []
    for line in open(path, errors="replace"):
        if line.startswith("trap\t") and ".1.14.1.2." in line:  # none of snmpd's own
            found.append(Trap(line.rstrip("\n").split("\t", 1)[1]))
    return found


def get(agent, community, oids):
    cells = {}
    for at in range(0, len(oids), 50):
        said = subprocess.run(GET + ["-c", community, agent] + oids[at:at + 50],
                              capture_output=True, text=True, check=True).stdout
        for line in said.splitlines():
            oid, _, value = line.partition(" ")
            if not value.startswith("No Such"):
                cells[oid] = value
    return cells


def check_values(agent, community, model, traps):
    """Each varbind is there as the row has it, all of the row's objects and in the MIB's order."""
    traps = traps[::max(1, len(traps) // SAMPLES)]
    first = {trap.number: trap for trap in traps}
    root = traps[0].root + ".1.14.1."
    oids = ["%s%d.%d" % (root, column, number) for number in first
            for column in model.columns.values()]
    cells = get(agent, community, oids)
    for trap in traps:
        want = [(column, cells["%s%d.%d" % (root, column, trap.number)])
                for column in model.objects[model.names[trap.subid]]
                if "%s%d.%d" % (root, column, trap.number) in cells]
        have = list(trap.cells.items())
        if have != want:
            sys.exit("event %d was told as\n%s\nand is\n%s" % (trap.number, have, want))
    return root


def to_tell(agent, community, root):
    """Events that have a notification, from the table: {number: delivered}."""
    column = root + "15"
    said = subprocess.run(["snmpbulkwalk", "-v2c", "-c", community, "-t", "2", "-r", "3", "-Cr50",
                           "-m", "", "-Onqe", agent, column],
                          capture_output=True, text=True, check=True).stdout
    told = {}
    for line in said.splitlines():
        oid, _, value = line.partition(" ")
        if not value.startswith("No "):
            told[int(oid.rsplit(".", 1)[1])] = value == "1"
    return told


def check(agent, community, model, logs, repeats):
    for path in logs:
        traps = traps_of(path)
        if not traps:
            sys.exit("nothing in %s" % path)
        root = check_values(agent, community, model, traps)
        events = to_tell(agent, community, root)
        count = collections.Counter(trap.number for trap in traps)
        lost = [number for number in events if number not in count]
        twice = sorted(number for number in count if count[number] > 1)
        extra = [number for number in count if number not in events]
        waiting = [number for number in events if not events[number]]
        numbers = [trap.number for trap in traps]
        if lost or extra or waiting:
            sys.exit("%s: lost %s, told and not in the table %s, not delivered %s" %
                     (path, lost[:9], extra[:9], waiting[:9]))
        if sum(count.values()) - len(count) > repeats:
            sys.exit("%s: told more than once: %s" % (path, twice[:20]))
        if not repeats and numbers != sorted(numbers):
            sys.exit("%s: out of order" % path)
        print("%s: %d events in mxEventTable, %d received, 0 lost, %d repeated" %
              (path.rsplit("/", 1)[-1], len(events), len(count), sum(count.values()) - len(count)))


def stored(path, count):
    database = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
    total, delivered = database.execute(
        "SELECT count(*), coalesce(sum(delivered), 0) FROM event WHERE notify").fetchone()
    if (total, delivered) != (count, count):
        sys.exit("%d events in the database, %d of them delivered" % (total, delivered))


def main():
    words = sys.argv[1:]
    repeats = 0
    if "--repeats" in words:
        at = words.index("--repeats")
        repeats = int(words[at + 1])
        del words[at:at + 2]
    if words[0] == "check":
        check(words[1], words[2], Model(words[3]), words[4:], repeats)
    elif words[0] == "count":
        model = Model(words[1])
        count = collections.Counter(
            (model.names[trap.subid], trap.cells[8], trap.cells.get(10, "-"))
            for trap in traps_of(words[2]))
        for key in sorted(count):
            print(*key, count[key])
    elif words[0] == "stored":
        stored(words[1], int(words[2]))
    else:
        sys.exit(__doc__)


main()
