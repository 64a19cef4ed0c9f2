/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Machines on which the kernel itself refuses: each function changes the network, or the limits, of
 * this process only. They need root (a network namespace) and fail the test without it.
 */
#ifndef LEAT_TESTS_FAULT_WORLDS_H
#define LEAT_TESTS_FAULT_WORLDS_H

void world_without_network(void);        /**< even the loopback interface is down: ENETUNREACH */
void world_with_prohibited_route(void);  /**< to 192.0.2.1: EACCES */
void world_with_unreachable_route(void); /**< to 192.0.2.1: EHOSTUNREACH */
void world_with_blackhole_route(void);   /**< to 192.0.2.1: EINVAL */
void world_without_free_ports(void);  /**< no local port is left for 127.0.0.1:9: EADDRNOTAVAIL */
void world_without_descriptors(void); /**< enough for a loop, none for a socket: EMFILE */

#endif
