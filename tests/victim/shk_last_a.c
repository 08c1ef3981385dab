// SPDX-License-Identifier: GPL-2.0-only
#include "last.h"

LAST(shk_last_a, "");
