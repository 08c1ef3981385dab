#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=120
# `shadowctl share` gives a command without capabilities the rights that its options name, until
# --revoke.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
shadowctl create web
shadowctl probe add web __x64_sys_getppid --name ppid

# Run by a user: prints what the library returns for the descriptor in the environment.
cat >/tmp/use.py <<'END'
import ctypes
import os
import sys

lib = ctypes.CDLL("libshadowk.so.0")
shadow, cursor = ctypes.c_void_p(), ctypes.c_uint64()
element = (ctypes.c_char * 4096)()


def read():
    cursor.value = 0
    return lib.shadowk_probe_list(shadow, ctypes.byref(cursor), element, ctypes.c_size_t(4096),
                                  ctypes.c_size_t(1))


if sys.argv[1:] == ["wait"]:
    lib.shadowk_shadow_from_fd(int(os.environ["SHADOWK_FD"]), ctypes.byref(shadow))
    print("attached", lib.shadowk_process_attach(shadow, 0), flush=True)
    sys.stdin.readline()
    print("read", read(), "reason", lib.shadowk_reason(), flush=True)
    sys.stdin.readline()
else:
    print(os.environ["SHADOWK_FD"], os.geteuid(),
          lib.shadowk_shadow_from_fd(int(os.environ["SHADOWK_FD"]), ctypes.byref(shadow)),
          lib.shadowk_process_attach(shadow, 0), read(), lib.shadowk_process_detach_from(shadow, 0))
END
chmod 644 /tmp/use.py
user="setpriv --reuid 1000 --clear-groups"

# -13 is EACCES.
is "both rights" "$(shadowctl share web -- $user python3 /tmp/use.py)" "3 1000 0 0 1 0"
is "both, named" "$(shadowctl share web --read --attach -- $user python3 /tmp/use.py)" "3 1000 0 0 1 0"
is "attach" "$(shadowctl share web --attach -- $user python3 /tmp/use.py)" "3 1000 0 0 -13 0"
is "read" "$(shadowctl share web --read -- $user python3 /tmp/use.py)" "3 1000 0 -13 1 -13"
is "handles" "$(shadowctl show web | awk '/handles/ { print $2 }')" 0
is "descriptors" "$(shadowctl share web -- sh -c 'ls -l /proc/self/fd' | grep -c '\[shadowk\]')" 1
is "descriptors of the device" "$(shadowctl share web -- sh -c 'ls -l /proc/self/fd' | grep -c /dev/shadowk)" 0

coproc shadowctl share web -- $user python3 /tmp/use.py wait
read -ru "${COPROC[0]}" line
is "attached" "$line" "attached 0"
is "handles, shared" "$(shadowctl show web | awk '/handles/ { print $2 }')" 1
is "inside" "$(shadowctl show web | awk '/processes/ { print $2 }')" 1
is "revoke" "$(shadowctl share web --revoke 2>&1)" ""
is "handles, revoked" "$(shadowctl show web | awk '/handles/ { print $2 }')" 0
echo >&"${COPROC[1]}"
read -ru "${COPROC[0]}" line
is "revoked" "$line" "read -13 reason 5"
is "inside, revoked" "$(shadowctl show web | awk '/processes/ { print $2 }')" 1
echo >&"${COPROC[1]}"
wait

shadowctl share web -- sh -c 'exit 7'
is "status" $? 7
shadowctl share web -- no-such-command 2>/dev/null
is "status without a command" $? 127
refused "no shadow named 'other'" share other -- true
refused "the command is missing" share web
refused "the command is missing" share web --read --
refused "--revoke takes no other option" share web --revoke --read
refused "--revoke takes no other option" share web --revoke -- true
refused "put -- before the command 'true'" share web true
refused "takes no --json" --json share web --revoke
is "destroy" "$(shadowctl destroy web 2>&1)" ""
[ $failures = 0 ]
