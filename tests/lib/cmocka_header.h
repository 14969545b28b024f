/* SPDX-License-Identifier: Apache-2.0
 * cmocka_header.h - cmocka and what must come before it. */
#ifndef TESTS_LIB_CMOCKA_HEADER_H
#define TESTS_LIB_CMOCKA_HEADER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
