#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: services timeout=300
# The test oci_hook_attaches_containers, with runc.
RUNTIME=runc exec "${0%/*}/oci_hook_attaches_containers"
