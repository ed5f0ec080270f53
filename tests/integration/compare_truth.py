"""compare_truth.py SIM CONTROL UNIT INTEGER FLOAT: is every value the poller decoded the true one?

INTEGER and FLOAT are what panel_values printed with one and the other encoding. The simulator tells the truth as doubles, and
the scale registers as its meter has them; a value may differ from the truth by one
step of the register it came from (a float: by its 24 bits) and by the half of our
own smallest unit that rounding takes. Both sides must be complete: a true value
that is missing counts as wrong, and so does a measurement nobody vouches for.
"""
import json
import subprocess
import sys

sim, control, unit, *paths = sys.argv[1:]

MEASURED = {"branch", "mains", "voltage", "source", "two-pole", "three-pole"}
# What is not compared here: alarm words and counters (test_alarm, scenarios),
# the agent's own times, the phases, which follow from the CT layout.
ELSEWHERE = {"alarm-status", "energy-discontinuity", "phase", "count-high-high", "count-high",
             "count-low", "count-low-low", "count-off"}


def tell(*words):
    return subprocess.run([sim, "--tell", control, *words], check=True, capture_output=True,
                          text=True).stdout


def scales(first, count):
    words = [int(w) for w in tell("reg", unit, f"{first}-{first + count - 1}").split()]
    return [w - 65536 if w > 32767 else w for w in words]


truth = json.loads(tell("truth", unit))
model = truth["model"]
true = {}  # (scope, quantity, channel) -> (value in our unit, exponent of the register)


def put(scope, quantity, channel, value, exponent, power=True):
    if power and model == "C" or power and model == "B" and scope != "mains":
        return
    true[scope, quantity, channel] = (value * 1000, exponent)


def put_total(scope, channel, group, power, energy):
    put(scope, "active-power", channel, group["kw"], power)
    put(scope, "apparent-power", channel, group["kva"], power)
    put(scope, "power-factor", channel, group["pf"], -3)
    put(scope, "energy", channel, group["kwh"], energy)
    put(scope, "max-active-power", channel, group["max_kw"], power)
    put(scope, "active-power-demand", channel, group["demand_kw"], power)
    put(scope, "max-active-power-demand", channel, group["max_demand_kw"], power)


def put_leg(scope, suffix, channel, leg, current):
    put(scope, "current" + suffix, channel, leg["amps"], current, False)
    put(scope, "max-current" + suffix, channel, leg["max_amps"], current, False)
    put(scope, "current-demand" + suffix, channel, leg["demand_amps"], current, False)
    put(scope, "max-current-demand" + suffix, channel, leg["max_demand_amps"], current, False)


def put_channels():
    current, power, energy = scales(1000, 42), scales(1042, 42), scales(1084, 42)
    aux = scales(284, 4)
    for channel in truth["channels"]:
        n = channel["channel"]
        scope, number = ("branch", n) if n <= 42 else ("mains", n - 41)
        put_leg(scope, "", number, channel, current[n - 1] if n <= 42 else aux[n - 43])
        put(scope, "ct-size", number, channel["ct"], 0, False)
        put(scope, "rating", number, channel["breaker"], 0, False)
        if n <= 42:
            put_total(scope, number, channel, power[n - 1], energy[n - 1])


def put_mains():
    power = scales(288, 3)
    energy, total, current = scales(291, 3)
    group = truth["mains"][0]
    put("mains", "current", 1, group["amps"], current, False)
    put_total("mains", 1, group, total, energy)
    for i, leg in enumerate(group["legs"]):
        put("mains", "active-power", 2 + i, leg["kw"], power[i])
        put("mains", "apparent-power", 2 + i, leg["kva"], power[i])
        put("mains", "power-factor", 2 + i, leg["pf"], -3)


def put_groups(scope, groups, first):
    n = len(groups)
    current, power, energy = (scales(first + i * n, n) for i in range(3))
    for i, group in enumerate(groups):
        put(scope, "current", i + 1, group["amps"], current[i], False)
        put_total(scope, i + 1, group, power[i], energy[i])
        for k, leg in enumerate(group["legs"], 1):
            put_leg(scope, f"-{k}", i + 1, leg, current[i])
            put(scope, f"active-power-{k}", i + 1, leg["kw"], power[i])
            put(scope, f"apparent-power-{k}", i + 1, leg["kva"], power[i])
            put(scope, f"power-factor-{k}", i + 1, leg["pf"], -3)


def put_voltages():
    if model == "C":
        return
    volts = truth["volts"]
    exponent = scales(244, 1)[0]
    means = {"ln": sum(volts[p] for p in ("an", "bn", "cn")) / 3,
             "ll": sum(volts[p] for p in ("ab", "bc", "ca")) / 3}
    measures = [volts["an"], volts["bn"], volts["cn"], means["ln"],
                volts["ab"], volts["bc"], volts["ca"], means["ll"]]
    for i, value in enumerate(measures):
        put("voltage", "voltage", i + 1, value, exponent, False)
    put("source", "frequency", 1, truth["hertz"], -2, False)


put_channels()
put_mains()
put_groups("two-pole", truth["dual"], 4000)
put_groups("three-pole", truth["three"], 7000)
put_voltages()



def read(path):
    values = {}
    for line in open(path, encoding="utf-8"):
        words = line.split()
        if words[0] in MEASURED and words[1] not in ELSEWHERE:
            values[words[0], words[1], int(words[2])] = int(words[3])
    return values


def tolerance(key, encoding):
    value, exponent = true[key]
    if encoding == "float" and key[1] not in ("ct-size", "rating"):
        return abs(value) * 2 ** -23 + 0.5
    return 10 ** exponent * 1000 + 0.5


integer, floating = (read(path) for path in paths)
wrong = 0
for encoding, have in (("integer", integer), ("float", floating)):
    for key in sorted(true.keys() | have.keys()):
        if key not in true or key not in have:
            print(encoding, "surplus" if key in have else "missing", *key)
            wrong += 1
        elif abs(have[key] - true[key][0]) > tolerance(key, encoding):
            print(encoding, "wrong", *key, have[key], "true", true[key][0])
            wrong += 1
for key in integer.keys() & floating.keys() & true.keys():
    if abs(integer[key] - floating[key]) > tolerance(key, "integer") + tolerance(key, "float"):
        print("encodings differ", *key, integer[key], floating[key])
        wrong += 1
quantities = {(scope, quantity) for scope, quantity, _ in true}
print(f"model {model}, unit {unit}: {len(true)} values of {len(quantities)} quantities, as integer "
      f"and as float, compared with the truth and with each other: {wrong} wrong")
sys.exit(wrong != 0)
