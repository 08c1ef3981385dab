#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=120
# NAPI threads of an owned card execute the owner, also if NAPI becomes threaded later: each packet
# of the card is received inside. Packets of other cards are not, nor are packets before and after
# the ownership.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/virtio.sh
. "${0%/*}/lib/virtio.sh"
receive=napi_gro_receive
virtio_begin

packets() {
	cat "/sys/class/net/$card/statistics/rx_packets"
}

# threaded 0|1	switches both cards
threaded() {
	echo "$1" >"/sys/class/net/$card/threaded"
	ip netns exec far sh -c "echo $1 >/sys/class/net/away/threaded"
}

# received WHAT inside|outside	packets must be received there
received() {
	local before before_hits nr=0
	before=$(packets)
	before_hits=$(hits card $receive)
	ping_far 20 >/dev/null
	[ "$2" = outside ] || nr=$(($(packets) - before))
	[ $(($(packets) - before)) -ge 20 ] || is "$1: packets" "$(($(packets) - before))" 20
	is "$1: packets received inside" $(($(hits card $receive) - before_hits)) $nr
	is "$1: packets received in another shadow" "$(hits other $receive)" 0
}

nr_threads() {
	shadowctl show card | awk '$1 == "owns" && $2 == "kernel" { sum += $(NF - 1) }
		END { print sum + 0 }'
}

for name in card other; do
	shadowctl create $name --async owner
	shadowctl probe add $name $receive >/dev/null
done
shadowctl own other --kthread 'napi/no*'
received "threads without an owner" outside
shadowctl own card --device "$card" || exit 1
received "softirqs" outside
threaded 1
for _ in $(seq 40); do
	[ "$(nr_threads)" -ge 2 ] && break
	sleep 0.05
done
received "threads that came after own" inside
shadowctl disown card --device "$card" || exit 1
received "disowned threads" outside
shadowctl own card --kthread "napi/$card-*" || exit 1
received "threads owned by their names" inside
shadowctl disown card --device "$card" || exit 1
received "threads after disown --device" outside
shadowctl own card --device "$card" || exit 1
received "threads that were there before own" inside
threaded 0
received "softirqs again" outside
shadowctl destroy card
shadowctl destroy other
virtio_end
[ $failures = 0 ]
