#!/bin/bash
# METERX-MIB and the agent say the same: names, arcs, types, access, length of the index; objects of
# the notifications.
source "${srcdir:-.}/tests/lib.sh"

require smidump python3
require_mibs
[ -x "$build/tests/unit/list_tables" ] || fail "no list_tables"

"$build/tests/unit/list_tables" >"$dir/served"
SMIPATH=$(base_mibs) smidump -q -f xml "$build/mibs/METERX-MIB.txt" >"$dir/mib.xml" 2>"$dir/smidump.log"

python3 - "$dir/mib.xml" "$dir/served" <<'PYTHON'
import sys
import xml.etree.ElementTree as xml

NOT_SERVED = {"mxTenantTable"}
ASN = {"Integer32": 2, "Enumeration": 2, "OctetString": 4, "Bits": 4, "Counter32": 65,
       "Gauge32": 66, "Unsigned32": 66, "Counter64": 70,
       "SnmpAdminString": 4, "DateAndTime": 4, "TruthValue": 2}
ACCESS = {"readonly": "read-only", "readwrite": "read-write"}

mib = xml.parse(sys.argv[1]).getroot()
base_of = {}
for typedef in mib.find("typedefs"):
    base_of[typedef.get("name")] = typedef.get("basetype")

def asn(node):
    syntax = node.find("syntax")
    if syntax.find("typedef") is not None:
        return ASN[syntax.find("typedef").get("basetype")]
    name = syntax.find("type").get("name")
    return ASN[base_of.get(name, name)]

def last_arc(node):
    return node.get("oid").split(".")[-1]

def columns(nodes):
    return ["column %s %s %d %s" % (node.get("name"), last_arc(node), asn(node),
                                     ACCESS[node.findtext("access")])
            for node in nodes if node.findtext("access") in ACCESS]

nodes = mib.find("nodes")
agent = next(node for node in nodes.findall("node") if node.get("name") == "mxAgent")
want = ["table mxAgent %s 0" % last_arc(agent)]
want += columns(node for node in nodes.findall("scalar")
                if node.get("oid").rpartition(".")[0] == agent.get("oid"))
for table in nodes.findall("table"):
    if table.get("name") in NOT_SERVED:
        continue
    row = table.find("row")
    want.append("table %s %s %d" % (table.get("name"), last_arc(table),
                                    len(row.find("linkage").findall("index"))))
    want += columns(row.findall("column"))

for node in mib.find("notifications"):
    want.append("notification %s %s %s" % (node.get("name"), last_arc(node), " ".join(
        item.get("name") for item in node.find("objects"))))

have = open(sys.argv[2]).read().splitlines()
for line in want:
    if line not in have:
        print("in the MIB only: " + line)
for line in have:
    if line not in want:
        print("in the agent only: " + line)
if have != want:
    sys.exit("the MIB and the agent differ")
print("%d lines agree" % len(want))
if len(want) < 200:
    sys.exit("these are not all")
PYTHON
