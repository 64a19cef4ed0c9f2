/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Machines on which the kernel itself refuses, or answers in another way: each function changes the
 * network, or the limits, of this test's process only, by net_namespace.h.
 */
#ifndef LEAT_TESTS_SUPPORT_WORLDS_H
#define LEAT_TESTS_SUPPORT_WORLDS_H

/** An address that no network of these worlds has (RFC 5737). */
#define WORLD_ELSEWHERE "198.51.100.1"

void world_without_route(void);          /**< to WORLD_ELSEWHERE: ENETUNREACH */
void world_with_prohibited_route(void);  /**< to it: EACCES */
void world_with_unreachable_route(void); /**< to it: EHOSTUNREACH */
void world_with_blackhole_route(void);   /**< to it: EINVAL */
void world_without_free_ports(void);  /**< no local port is left for 127.0.0.1:9: EADDRNOTAVAIL */
void world_without_descriptors(void); /**< enough for a loop, none for a socket: EMFILE */

/** The system's name server is 127.0.0.1, port 53, in a network of its own. Skips the test where that is
 * forbidden. */
void world_with_name_server(void);

#endif
