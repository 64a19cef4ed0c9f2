/* SPDX-License-Identifier: Apache-2.0 */
/** @file What this library calls itself. */
#ifndef LEATI_CORE_VERSION_H
#define LEATI_CORE_VERSION_H

/** The value of User-Agent (RFC 9110 section 10.1.5) by what was chosen: NULL = "leat/VERSION", ""
 * = none, which is NULL. @thread any. */
const char *leati_user_agent(const char *chosen);

#endif
