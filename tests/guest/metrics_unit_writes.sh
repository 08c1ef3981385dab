#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=60
# The units of systemd/ are accepted by systemd. The service's command writes the metrics with the
# service's capabilities, into a folder of another user, whether the module is loaded or not.
command -v systemd-analyze >/dev/null || { echo "this guest has no systemd"; exit 77; }
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
folder=/var/lib/prometheus/node-exporter
file=$folder/shadowk.prom
unit=/usr/lib/systemd/system/shadowk-metrics.service
is "verify" "$(systemd-analyze verify --man=no ${unit%service}timer 2>&1)" ""

# value KEY	prints the value of a line of the unit
value() {
	sed -n "s/^$1=//p" $unit
}

start() {
	local capabilities command
	capabilities=$(value CapabilityBoundingSet | tr '[:upper:]' '[:lower:]' | sed 's/cap_/,+/g; s/ //g')
	read -ra command <<<"$(value ExecStart)"
	setpriv --bounding-set="-all$capabilities" --inh-caps=-all --no-new-privs "${command[@]}" 2>&1
}

mkdir -p $folder
chown user $folder
is "folder" "$(value ReadWritePaths)" $folder
is "condition" "$(value ConditionPathIsDirectory)" $folder
shadowctl create web
is "start" "$(start)" ""
is "shadows" "$(grep ^shadowk_shadows $file)" "shadowk_shadows 1"
shadowctl destroy web
is "start again" "$(start)" ""
is "shadows, again" "$(grep ^shadowk_shadows $file)" "shadowk_shadows 0"
rmmod shadowk
is "start without the module" "$(start)" ""
is "without the module" "$(grep -v '^#' $file)" "shadowk_module_loaded 0"
is "mode" "$(stat -c %a $file)" 644
is "files" "$(echo $folder/*)" $file
rm -r $folder
[ $failures = 0 ]
