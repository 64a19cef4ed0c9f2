/* SPDX-License-Identifier: Apache-2.0 */
#include "gss/gss_api.h"

#include "util/fork.h"
#include "util/readable.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

const char *leati_gss_library_name = "libgssapi_krb5.so.2";
const struct leati_gss_api *_Atomic leati_gss_api_hook;

static struct {
    struct leati_gss_api api;
    bool is_there;
    char why[256];
} loaded;

#define ENTRY(function)                                                                            \
    {                                                                                              \
        "gss_" #function, offsetof(struct leati_gss_api, function)                                 \
    }

static const struct {
    const char *name;
    size_t offset;
} entries[] = {
    ENTRY(import_name),      ENTRY(release_name),
    ENTRY(acquire_cred),     ENTRY(acquire_cred_with_password),
    ENTRY(set_neg_mechs),    ENTRY(release_cred),
    ENTRY(init_sec_context), ENTRY(delete_sec_context),
    ENTRY(display_status),   ENTRY(wrap),
    ENTRY(unwrap),           ENTRY(release_buffer),
};

/* Whoever unloads us must not unload what a helper thread may be inside of. */
static void stay_loaded(void)
{
    Dl_info own;

    if (dladdr((const void *)&loaded, &own) != 0 && own.dli_fname)
        (void)dlopen(own.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

static void library_load(void)
{
    void *library = dlopen(leati_gss_library_name, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        leati_readable_format(loaded.why, sizeof(loaded.why),
                              "GSS-API is not on this machine (%s cannot be loaded): install "
                              "libgssapi-krb5-2",
                              leati_gss_library_name);
        return;
    }
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        void *symbol = dlsym(library, entries[i].name);
        memcpy((char *)&loaded.api + entries[i].offset, &symbol, sizeof(symbol));
        if (!symbol) {
            leati_readable_format(loaded.why, sizeof(loaded.why),
                                  "%s has no %s: install libgssapi-krb5-2 of MIT Kerberos",
                                  leati_gss_library_name, entries[i].name);
            dlclose(library);
            return;
        }
    }
    stay_loaded();
    loaded.is_there = true;
}

const struct leati_gss_api *leati_gss_api(const char **ret_why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct leati_gss_api *hook = leati_gss_api_hook;

    if (hook)
        return hook;
    leati_once(&once, library_load);
    *ret_why = loaded.why;
    return loaded.is_there ? &loaded.api : NULL;
}
