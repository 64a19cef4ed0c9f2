/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A realm of Kerberos of the test's own, LEAT.TEST, by MIT's krb5kdc on a free port of 127.0.0.1:
 * database, configuration, keytab and tickets lie in the sandbox, and the environment of the test
 * and of what it starts afterwards names them. Nothing of the machine's is read or written.
 */
#ifndef LEAT_TESTS_SUPPORT_KDC_H
#define LEAT_TESTS_SUPPORT_KDC_H

#include "support/process.h"

struct kdc_options {
    /** "name password ...", and names of services ("rcmd/localhost ..."), which all are in the keytab.
     * Separated by spaces. */
    const char *users;
    const char *services;
};

/** Makes the realm and starts its KDC. With LEAT_TEST_WITHOUT_KRB5 in the environment the test is
 * skipped. @return the KDC, to be stopped or frozen. */
struct process *kdc_start(const struct kdc_options *options);

/** Ends a KDC and starts the realm's again, on another port. */
struct process *kdc_restart(struct process *kdc);

/** For the processes that are started from now on it is later ("+10m") or earlier ("-2h") by so much;
 * NULL = it is as late as it is. By libfaketime, without which the test is skipped. */
void kdc_shift_clock(const char *by);

/** `kinit`: the test has a ticket. `lifetime` as kinit takes it, NULL = an hour. */
void kdc_login(const char *user, const char *password, const char *lifetime);
/** `kdestroy`. */
void kdc_logout(void);

/** A realm without a KDC: on `port` somebody else listens, or nobody does. */
void kdc_pretend(uint16_t port);

/** The keytab of the services. */
const char *kdc_keytab(void);

#endif
