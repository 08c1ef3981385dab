#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=120
# 'probe add --tracepoint', profiles, declared shadows and 'create --from' count a tracepoint, and name
# it. What cannot be is refused with a remedy.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
name=signal:signal_generate
place=tracepoint:$name
send='for i in 1 2 3 4 5; do kill -URG $$; done'
cd "$(mktemp -d)" || exit 1

# hits SHADOW	prints the places of its probes and their hits
hits() {
	shadowctl probe list "$1" | awk 'NR > 1 { print $2, $3, $5 }'
}

shadowctl create web || exit 1
is "the name" "$(shadowctl probe add web --tracepoint $name)" $name
is "another" "$(shadowctl probe add web $place --name again --int3 --json | grep -c '"name": *"again"')" 1
shadowctl run web -- bash -c "$send"
is "hits" "$(hits web)" "$place count 5
$place count 5"
is "JSON" "$(shadowctl probe list web --json | grep -c "\"symbol\": *\"$place\"")" 2
is "metrics" "$(shadowctl metrics | grep -c "function=\"$place\"")" "$(shadowctl metrics | grep -c 'probe="')"
shadowctl create copy --from web
shadowctl run copy -- bash -c "$send"
is "hits of a copy" "$(hits copy)" "$place count 5
$place count 5"

echo "signals probe $place count" >profile
shadowctl create profiled --profile ./profile
shadowctl run profiled -- bash -c "$send"
is "hits of a profile" "$(hits profiled)" "$place count 5"
echo "signals probe $place event" >profile
refused "give the kind 'count'" create wrong --profile ./profile
echo "signals nop $place" >profile
refused "only functions can be patched" create wrong --profile ./profile

mkdir -p /etc/shadowk
printf '[Shadow]\n[Probe]\nFunction=%s\n' $place >/etc/shadowk/declared.shadow
is "apply" "$(shadowctl apply 2>&1 | grep -c "$place, count")" 1
is "apply again" "$(shadowctl apply 2>&1 | grep -c probe)" 0
shadowctl run declared -- bash -c "$send"
is "hits of a declared shadow" "$(hits declared)" "$place count 5"
rm /etc/shadowk/declared.shadow

refused "/sys/kernel/tracing/available_events lists them" probe add web --tracepoint signal:nothing
refused "probe the function of the system call" probe add web --tracepoint syscalls:sys_enter_getpid
refused "probe a function instead" probe add web --tracepoint raw_syscalls:sys_enter
refused "executed in text of modules" probe add web --tracepoint shadowk:shadowk_probe
refused "leave --kind and --return out" probe add web --tracepoint $name --kind event
refused "leave --kind and --return out" probe add web $place --return
refused "is not tracepoint:SYSTEM:EVENT" probe add web --tracepoint $name+4
refused "only functions can be patched" patch add web $place --nop
for shadow in web copy profiled declared; do shadowctl destroy $shadow; done
[ $failures = 0 ]
