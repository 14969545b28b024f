/* SPDX-License-Identifier: Apache-2.0
 * version.h - which Flink we are compatible with, and which cflink this is. The build gives the
 * commit; without git it is unknown. */
#ifndef COMMON_BASE_VERSION_H
#define COMMON_BASE_VERSION_H

#define FLINK_VERSION "1.19.3"
#define CFLINK_VERSION "cflink 0.1"
#if defined(__has_include)
#if __has_include("commit.h")
#include "commit.h" /* generated: #define CFLINK_COMMIT "c0de123" */
#endif
#endif
#ifndef CFLINK_COMMIT
#define CFLINK_COMMIT "0000000"
#endif

#endif
