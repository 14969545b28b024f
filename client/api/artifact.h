/* SPDX-License-Identifier: Apache-2.0
 * artifact.h - is this file a program that can be run? Looked at as bytes, before any of its code
 * is opened: a wrong file gets a sentence that says what it is and what to give instead. */
#ifndef CLIENT_API_ARTIFACT_H
#define CLIENT_API_ARTIFACT_H

#include "common/base/bytes.h"
#include "common/base/err.h"

/* A 64-bit little-endian ELF shared object for this machine whose every flink.h note has FLINK_ABI.
 * ERR_ARTIFACT_UNREADABLE: something else, named (a Java archive, a Python script, a program,
 * another machine's …). ERR_ARTIFACT_ENTRY: a shared object that never included flink.h.
 * ERR_ARTIFACT_ABI. */
MUST_USE int artifact_check(struct bytes content, const char *path, struct err *err);

#endif
