/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The certificates of the tests, made when they are asked for by leat/testing_certificates.h; the
 * table in certificates.c lists them. They are gone with the sandbox.
 */
#ifndef LEAT_TESTS_SUPPORT_CERTIFICATES_H
#define LEAT_TESTS_SUPPORT_CERTIFICATES_H

#include <leat/testing_certificates.h>

/** The password of client-encrypted.key. */
#define CERTIFICATE_KEY_PASSWORD "secret"

/** The CA of this test. Fails the test if it cannot be made. */
leat_testing_ca *certificates_ca(void);

/** The folder that they are in, with all of them, but for those with RSA keys of 2048 bits and
 * more. */
const char *certificates_dir(void);

/** The path of one of the files: "server.pem", "server.key", "revoked.crl". Lives as long as the
 * sandbox. Fails the test if it cannot be made. */
const char *certificate_path(const char *name);

/** sandbox_done() does it. */
void certificates_done(void);

#endif
