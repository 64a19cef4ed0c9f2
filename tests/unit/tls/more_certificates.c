/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tls/more_certificates.h"

#include "support/certificates.h"
#include "support/process.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <string.h>

#define MAKE_TIMEOUT_MS 60000

const char *more_certificate_path(const char *name)
{
    static bool made;

    if (!made) {
        const char *ca = certificate_path("ca.pem");
        const char *ca_dir = sandbox_format("%.*s", (int)(strrchr(ca, '/') - ca), ca);
        const char *argv[] = {MORE_CERTIFICATES_SCRIPT, sandbox_dir(), ca_dir, NULL};
        struct process *process = process_start(&(struct process_options){.argv = argv});
        int status = process_wait(process, MAKE_TIMEOUT_MS);
        cr_assert(status == 0, "%s", file_read(process->error_path));
        made = true;
    }
    return sandbox_path(name);
}
