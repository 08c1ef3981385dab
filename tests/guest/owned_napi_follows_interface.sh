#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=120
# The ownership of a network card's NAPI remains when the card is taken down, renamed, or moved to
# another network namespace. When the card is removed, the ownership has no threads any more. The
# setting "threaded" of that name's next card is not touched.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/virtio.sh
. "${0%/*}/lib/virtio.sh"
virtio_begin

owned() {
	shadowctl show card | sed -n 's/ *owns *NAPI threads of //p' | tr -d "'" | xargs -d '\n'
}

# received WHAT PROGRAM...	pings by this program must be received inside
received() {
	local what=$1 before
	shift
	before=$(hits card napi_gro_receive)
	"$@" ping -q -c 10 -i 0.01 -W 5 10.9.0.2 >/dev/null || fail "$what: no answers"
	[ $(($(hits card napi_gro_receive) - before)) -ge 10 ] ||
		is "$what: packets received inside" $(($(hits card napi_gro_receive) - before)) "10 or more"
}

# address NAME [NETNS]	sets the card up again; its addresses are lost when it moves
address() {
	ip ${2:+-n "$2"} addr replace 10.9.0.1/24 dev "$1"
	ip ${2:+-n "$2"} link set "$1" up
	ip ${2:+-n "$2"} neigh replace 10.9.0.2 dev "$1" nud permanent \
		lladdr "$(ip netns exec far cat /sys/class/net/away/address)"
}

shadowctl create card --async owner
shadowctl probe add card napi_gro_receive >/dev/null
shadowctl own card --device "$card" --napi || exit 1
threads=$(owned)
threads=${threads#*, }
received "own"

ip link set "$card" down
address "$card"
received "down and up"

ip link set "$card" down
ip link set "$card" name renamed
address renamed
is "renamed card" "$(owned)" "renamed, $threads"
received "renamed"
is "setting of the renamed card" "$(cat /sys/class/net/renamed/threaded)" 1

ip netns add moved
ip link set renamed netns moved name inside
address inside moved
is "moved card" "$(owned)" "inside, $threads"
received "moved" ip netns exec moved
is "setting of the moved card" "$(ip netns exec moved cat /sys/class/net/inside/threaded)" 1
refused "does not own" disown card --device lo
ip netns exec moved shadowctl disown card --device inside || fail "disown in the namespace"
is "setting after disown" "$(ip netns exec moved cat /sys/class/net/inside/threaded)" 0
is "owned after disown" "$(owned)" ""

ip -n moved link set inside netns 1 name "$card"
address "$card"
ip netns del moved
shadowctl own card --device "$card" --napi || exit 1
received "moved back"
device=$(virtio_name "$card")
echo "$device" >/sys/bus/virtio/drivers/virtio_net/unbind
is "removed card" "$(owned | sed 's/,.*//')" "$card"
echo "$device" >/sys/bus/virtio/drivers/virtio_net/bind
ip link set "$(virtio_part net | tail -n 1)" name "$card"
is "setting of the new card" "$(cat "/sys/class/net/$card/threaded")" 0
echo 1 >"/sys/class/net/$card/threaded"
shadowctl own card --device "$card" --napi || exit 1
address "$card"
received "new card"
is "owned cards" "$(owned)" "$card, 0 now $card, ${threads}"
shadowctl disown card --device "$card" || exit 1
is "owned after the last disown" "$(owned)" ""
is "setting of the new card, threaded before" "$(cat "/sys/class/net/$card/threaded")" 1
shadowctl destroy card
virtio_end
[ $failures = 0 ]
