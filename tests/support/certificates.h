/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The certificates of the tests: made once by make_certificates.sh, which lists them, and shared by
 * all test programs of one build folder.
 */
#ifndef LEAT_TESTS_SUPPORT_CERTIFICATES_H
#define LEAT_TESTS_SUPPORT_CERTIFICATES_H

/** The password of client-encrypted.key. */
#define CERTIFICATE_KEY_PASSWORD "secret"

/** The folder that they are in. */
const char *certificates_dir(void);

/** The path of one of the files, e.g. "server.pem". Lives as long as the sandbox. Fails the
 * test if they cannot be made. */
const char *certificate_path(const char *name);

#endif
