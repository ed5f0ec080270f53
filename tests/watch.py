#!/usr/bin/env python3
"""A manager who asks for the same objects all the time while something else goes wrong.

    watch.py AGENT COMMUNITY TIMEOUT-S OBJECT...

What the first answer says is right; until SIGTERM each later one has to say the same, and within
the time. Prints how many there were and how long they took; ends with 1 if one was wrong or missing.
"""
import os, signal, statistics, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import snmp_wire

wanted = True


def end(*_):
    global wanted
    wanted = False


def main():
    agent, community, timeout = sys.argv[1:4]
    names = sys.argv[4:]
    oids = snmp_wire.translate(sorted(set(names)))
    manager = snmp_wire.Manager(agent, community, float(timeout))
    question = [(snmp_wire.object_id(oids[name]), snmp_wire.tlv(5, b"")) for name in names]
    signal.signal(signal.SIGTERM, end)
    first, times, wrong = None, [], 0
    while wanted:
        error, _, varbinds, took = manager.ask(snmp_wire.GET, question)
        answer = [snmp_wire.parse(body)[1] for _, body in varbinds]
        if first is None:
            first = answer
            print("watching", " ".join(names), flush=True)
        times.append(took)
        if error != "noError" or answer != first:
            wrong += 1
            said = [name for name, a, b in zip(names, answer, first) if a != b]
            print(f"wrong: {error} {' '.join(said)} after {took:.0f} ms", flush=True)
        time.sleep(0.02)
    print(f"{len(times)} answers, {wrong} wrong; median {statistics.median(times):.1f} ms,"
          f" longest {max(times):.1f} ms", flush=True)
    return 1 if wrong or len(times) < 2 else 0


sys.exit(main())
