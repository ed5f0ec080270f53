#!/usr/bin/env python3
"""Run a command as a unit of systemd would: sandbox.py UNIT USER COMMAND ARGUMENT...

For machines where systemd does not run. Takes from the unit: SystemCallFilter= (its sets are those
of systemd-analyze), RestrictAddressFamilies=, MemoryDenyWriteExecute=, LimitNOFILE=, LimitCORE=,
UMask= and NoNewPrivileges=; the user, if we are root, has no groups and no capabilities. Which files
there are is up to the caller.

Other than there a call that is not allowed kills, so that a test sees it.
"""
import ctypes
import os
import pwd
import re
import resource
import struct
import subprocess
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_MDWE = 38, 22, 24, 65
MODE_FILTER, REFUSE_EXEC_GAIN = 2, 1
LOAD, EQUAL, ANSWER = 0x20, 0x15, 0x06
ALLOW, KILL, ERROR = 0x7fff0000, 0x80000000, 0x00050000
EAFNOSUPPORT = 97
NUMBER, FIRST_ARGUMENT = 0, 16  # in struct seccomp_data
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}


def read_unit(path):
    settings = {}
    for line in open(path):
        match = re.match(r"(\w+)=(.*)", line)
        if match:
            settings.setdefault(match[1], []).append(match[2].strip())
    return settings


def run(*command, text=None):
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True, encoding="utf8").stdout


def call_numbers():
    said = run("cc", "-E", "-dM", "-", text="#include <sys/syscall.h>\n")
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)$", said, re.M)}


def expand(word):
    if not word.startswith("@"):
        return {word}
    calls = set()
    for line in run("systemd-analyze", "syscall-filter", word).splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            calls |= expand(word)
    return calls


def allowed_calls(lines):
    allowed = expand("@default")
    for line in lines:
        words = set().union(*(expand(word) for word in line.lstrip("~").split()))
        allowed = allowed - words if line.startswith("~") else allowed | words
    return allowed


def filter_program(settings):
    numbers = call_numbers()
    allowed = sorted(numbers[name] for name in allowed_calls(settings["SystemCallFilter"]) if name in numbers)
    families = [FAMILIES[name] for name in settings["RestrictAddressFamilies"][0].split()]
    program = [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 2 * len(families) + 2, numbers["socket"])]
    program.append((LOAD, 0, 0, FIRST_ARGUMENT))
    for family in families:
        program += [(EQUAL, 0, 1, family), (ANSWER, 0, 0, ALLOW)]
    program.append((ANSWER, 0, 0, ERROR | EAFNOSUPPORT))
    for number in allowed:
        program += [(EQUAL, 0, 1, number), (ANSWER, 0, 0, ALLOW)]
    program.append((ANSWER, 0, 0, KILL))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def confine(settings, user):
    libc = ctypes.CDLL(None, use_errno=True)
    code = filter_program(settings)
    memory = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(memory))

    def prctl(*arguments):
        return libc.prctl(*(ctypes.c_ulong(argument) for argument in arguments + (0,) * (5 - len(arguments))))

    os.umask(int(settings["UMask"][0], 8))
    for name, what in (("LimitNOFILE", resource.RLIMIT_NOFILE), ("LimitCORE", resource.RLIMIT_CORE)):
        limit = int(settings[name][0])
        resource.setrlimit(what, (limit, limit))
    if os.geteuid() == 0:
        for capability in range(64):
            prctl(PR_CAPBSET_DROP, capability)
        os.setgroups([])
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    if settings["NoNewPrivileges"] != ["yes"] or prctl(PR_SET_NO_NEW_PRIVS, 1) != 0:
        sys.exit("sandbox: no NoNewPrivileges")
    if settings["MemoryDenyWriteExecute"] == ["yes"] and prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN) != 0:
        print("sandbox: this kernel does not know MemoryDenyWriteExecute", file=sys.stderr)
    pointer = ctypes.create_string_buffer(program)
    if prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.addressof(pointer)) != 0:
        sys.exit("sandbox: no SystemCallFilter: " + os.strerror(ctypes.get_errno()))


def main():
    settings = read_unit(sys.argv[1])
    confine(settings, pwd.getpwnam(sys.argv[2]))
    os.execv(sys.argv[3], sys.argv[3:])


main()
