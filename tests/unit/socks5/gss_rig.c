/* SPDX-License-Identifier: Apache-2.0 */
#include "gss_rig.h"

#include "support/leak_check.h"
#include "support/patience.h"

#include <leat/loop.h>

#include <criterion/criterion.h>

static leat_loop *loop;

void gss_rig_setup(void)
{
    cr_assert_eq(leat_loop_new(&loop), 0);
    fake_gss_use(&(struct fake_gss){0});
}

void gss_rig_teardown(void)
{
    leat_loop_free(loop);
    fake_gss_await_rest(PATIENCE_MS(5000));
    leak_check();
}

static void nobody_waits(void *user)
{
    (void)user;
}

struct leati_gss *gss_rig_context(void)
{
    const struct leati_gss_options options = {
        .loop = loop,
        .ready = nobody_waits,
        .protects = true,
        .service = "rcmd",
        .host = "proxy.example",
    };
    return leati_gss_new(&options);
}

void gss_rig_await(const struct leati_gss *gss)
{
    for (int i = 0; i < PATIENCE_MS(500) && leati_gss_turn(gss) == LEATI_GSS_WORKING; i++)
        cr_assert_eq(leat_loop_dispatch(loop, 100), 0);
    cr_assert_neq(leati_gss_turn(gss), LEATI_GSS_WORKING);
}

size_t gss_rig_seal(enum leati_socks5_gss_type type, bool confidential, const void *data,
                    size_t len, uint8_t message[GSS_RIG_MESSAGE_MAX_BYTES])
{
    cr_assert_leq(len, GSS_RIG_SEALED_MAX_BYTES);
    leati_socks5_gss_head(type, len + FAKE_GSS_OVERHEAD, message);
    fake_gss_seal(confidential, data, len, message + LEATI_SOCKS5_GSS_HEAD_BYTES);
    return LEATI_SOCKS5_GSS_HEAD_BYTES + len + FAKE_GSS_OVERHEAD;
}
