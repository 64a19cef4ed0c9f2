/* SPDX-License-Identifier: Apache-2.0 */
/** @file The certificates of make_more_certificates.sh, which lists them. */
#ifndef TESTS_UNIT_TLS_MORE_CERTIFICATES_H
#define TESTS_UNIT_TLS_MORE_CERTIFICATES_H

/** The path of one of them; made at the first call of a test. Lives as long as the sandbox. */
const char *more_certificate_path(const char *name);

#endif
