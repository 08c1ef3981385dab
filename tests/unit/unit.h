/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWK_UNIT_H
#define SHADOWK_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif /* SHADOWK_UNIT_H */
