#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# test: core timeout=30
# A program of 32 bits uses the ioctls as one of 64 bits does.
"$(dirname "$0")/abi_32bit_program"
status=$?
if [ $status = 126 ]; then
	echo "this kernel runs no programs of 32 bits"
	exit 77
fi
exit $status
