#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=240
# `shadowctl own --device --napi` makes the NAPI of a network card threaded, and its owner executes
# these threads. Of two cards with two owners, each owner counts the TCP packets of its card
# exactly. After disown, destroy and SIGKILL the setting "threaded" is what it was.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/virtio.sh
. "${0%/*}/lib/virtio.sh"
virtio_begin

far() {
	ip netns exec far "$@"
}

# setting	prints the files "threaded" of both cards
setting() {
	echo "$(cat "/sys/class/net/$card/threaded") $(far cat /sys/class/net/away/threaded)"
}

# Sends COUNT TCP packets to ADDRESS, with the flag RST, which nobody answers.
cat >tcp_send.py <<'PYTHON'
import socket
import struct
import sys
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
for port in range(int(sys.argv[2])):
    raw.sendto(struct.pack("!HHLLBBHHH", 1024 + port, 9, 1, 0, 5 << 4, 4, 0, 0, 0), (sys.argv[1], 0))
PYTHON

counted() {
	echo "$(hits near tcp_v4_rcv) $(hits away tcp_v4_rcv)"
}

# received WHAT NEAR AWAY	sends 7 packets to the near card and 30 to the other one; the owners
# must count so many
received() {
	local near away wanted
	near=$(hits near tcp_v4_rcv)
	away=$(hits away tcp_v4_rcv)
	wanted="$((near + $2)) $((away + $3))"
	python3 tcp_send.py 10.9.0.2 30
	far python3 tcp_send.py 10.9.0.1 7
	for _ in $(seq 100); do
		[ "$(counted)" = "$wanted" ] && break
		sleep 0.1
	done
	sleep 0.3
	is "$1: packets counted by near and away, from $near $away" "$(counted)" "$wanted"
}

listed() {
	shadowctl show "$1" | grep -c 'owns  *NAPI threads of'
}

own_both() {
	shadowctl own near --device "$card" --napi || exit 1
	far shadowctl own away --napi --device away || exit 1
}

for name in near away; do
	shadowctl create $name --async owner
	shadowctl probe add $name tcp_v4_rcv >/dev/null
	shadowctl probe add $name napi_gro_receive >/dev/null
done

is "setting before" "$(setting)" "0 0"
received "before own" 0 0
own_both
is "setting while owned" "$(setting)" "1 1"
is "listed" "$(listed near) $(listed away)" "1 1"
shadowctl show near --json | grep -q "\"napi\": *\"$card\"" || fail "show --json names no napi"
received "owned" 7 30
[ "$(hits near napi_gro_receive)" -ge 7 ] || is "polls" "$(hits near napi_gro_receive)" "7 or more"

refused "another shadow owns NAPI threads of '$card'" own away --device "$card" --napi
is "setting after a refused own" "$(setting)" "1 1"
refused "has no network interface" own near --device ttyS0 --napi
refused "'lo': the interface has no NAPI" own near --device lo --napi
refused "--napi needs --device" own near --irq 4 --napi
is "listed after refused owns" "$(listed near) $(listed away)" "1 1"

# Another program writes the setting.
echo 0 >"/sys/class/net/$card/threaded"
received "0 was written" 0 30
shadowctl own near --device "$card" --napi || exit 1
is "setting after own again" "$(setting)" "1 1"
received "owned again" 7 30

shadowctl disown near --device "$card" || exit 1
is "setting after disown" "$(setting)" "0 1"
is "listed after disown" "$(listed near)" 0
received "disowned" 0 30
shadowctl destroy away
is "setting after destroy" "$(setting)" "0 0"

# What was threaded before remains so.
shadowctl create away --async owner
shadowctl probe add away tcp_v4_rcv >/dev/null
echo 1 >"/sys/class/net/$card/threaded"
own_both
received "threaded before" 7 30
shadowctl disown near --device "$card" || exit 1
far shadowctl disown away --device away || exit 1
is "setting after disown of a threaded card" "$(setting)" "1 0"
echo 0 >"/sys/class/net/$card/threaded"

# consistent	after SIGKILL: the shadow owns the card if and only if the card is threaded
consistent() {
	for _ in $(seq 50); do
		[ "$(listed near) 0" = "$(setting)" ] && return
		sleep 0.1
	done
	is "listed and set after SIGKILL in round $1" "$(listed near) 0" "$(setting)"
}

for round in $(seq 12); do
	{ timeout -s KILL "0.$(printf %03d $((round * 25)))" \
		shadowctl own near --device "$card" --napi; } 2>/dev/null
	consistent "$round"
	shadowctl disown near --device "$card" >/dev/null 2>&1
	is "setting after round $round" "$(setting)" "0 0"
done

own_both
rmmod shadowk || fail "rmmod"
is "setting after rmmod" "$(setting)" "0 0"
modprobe shadowk
virtio_end
[ $failures = 0 ]
