/* SPDX-License-Identifier: Apache-2.0 */
/* Every errno of the catalogue, from every system call that a TLS socket or its server makes by
 * itself, must come out as 2303100 + errno. */
#include "fault/fault.h"
#include "fault/tls_object.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <leat/catalogue.h>
#include <string.h>

/* A call that must fail, once, and says why in `ret_error`. */
typedef int (*tls_act)(struct tls_object *object, uint16_t port, struct leat_error *ret_error);

static int do_connect(struct tls_object *object, uint16_t port, struct leat_error *ret_error)
{
    int code = tls_object_connect(object, "127.0.0.1", port);
    cr_expect(object->connected_count == 0 && object->error_count == 1);
    *ret_error = object->error;
    return code;
}

static int do_bind(struct tls_object *object, uint16_t port, struct leat_error *ret_error)
{
    (void)port;
    int code = leat_tls_socket_bind(object->tls, "127.0.0.1", 0);
    leat_tls_socket_get_error(object->tls, ret_error);
    return code;
}

static int do_set_options(struct tls_object *object, uint16_t port, struct leat_error *ret_error)
{
    const struct leat_tcp_extra_options options = {.size = sizeof(options), .keep_alive = true};
    (void)port;
    int code = leat_tls_socket_set_extra_options(object->tls, &options);
    leat_tls_socket_get_error(object->tls, ret_error);
    return code;
}

static int do_listen(struct tls_object *object, uint16_t port, struct leat_error *ret_error)
{
    (void)port;
    int code = leat_tls_socket_server_listen(object->server, "127.0.0.1", 0, object->options,
                                             object->config);
    leat_tls_socket_server_get_error(object->server, ret_error);
    return code;
}

/* Where a call fails. */
struct spot {
    const char *name;
    enum shim_call call;
    tls_act act;
    bool bound; /* the socket is bound before */
};

static const struct spot spots[] = {
    {"connect: socket", SHIM_SOCKET, do_connect, false},
    {"connect: setsockopt", SHIM_SETSOCKOPT, do_connect, false},
    {"connect: connect", SHIM_CONNECT, do_connect, false},
    {"connect: its end", SHIM_SO_ERROR, do_connect, false},
    {"bind: socket", SHIM_SOCKET, do_bind, false},
    {"bind: setsockopt", SHIM_SETSOCKOPT, do_bind, false},
    {"bind: bind", SHIM_BIND, do_bind, false},
    {"set_extra_options: setsockopt", SHIM_SETSOCKOPT, do_set_options, true},
    {"server_listen: socket", SHIM_SOCKET, do_listen, false},
    {"server_listen: setsockopt", SHIM_SETSOCKOPT, do_listen, false},
    {"server_listen: bind", SHIM_BIND, do_listen, false},
    {"server_listen: listen", SHIM_LISTEN, do_listen, false},
    {"server_listen: getsockname", SHIM_GETSOCKNAME, do_listen, false},
};
#define SPOTS (sizeof(spots) / sizeof(spots[0]))

/* Whether this errno is no failure there, but the call's way to say "not now". */
static bool is_no_failure(const struct spot *spot, int sys_errno)
{
    return spot->call == SHIM_CONNECT && (sys_errno == EINPROGRESS || sys_errno == EINTR);
}

static void spot_run(const struct spot *spot, struct tls_object *object, uint16_t port, int wanted)
{
    int sys_errno = leat_code_errno(wanted);
    const struct shim_fault fault = {.call = spot->call, .sys_errno = sys_errno};
    struct leat_error error = {0};
    shim_arm(&fault);
    int code = spot->act(object, port, &error);
    unsigned hits = shim_hits();
    shim_arm(NULL);
    bool fits = code == wanted && error.code == wanted && error.layer == LEAT_LAYER_TCP &&
                error.sys_errno == sys_errno && strstr(error.text, leat_errno_name(sys_errno));
    /* The rest of the spot would most likely fail alike. */
    cr_assert(fits, "%s with %s: got %d, error %d %s errno %d \"%s\", wanted %d", spot->name,
              leat_errno_name(sys_errno), code, error.code, leat_layer_name(error.layer),
              error.sys_errno, error.text, wanted);
    cr_assert(hits > 0, "%s: the shim was not hit", spot->name);
    coverage_reached(wanted);
}

/* Static, because parameters are read in another process. */
static size_t indices[SPOTS];

ParameterizedTestParameters(fault, every_tls_errno)
{
    for (size_t i = 0; i < SPOTS; ++i)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, SPOTS);
}

ParameterizedTest(size_t *index, fault, every_tls_errno, .timeout = 120, .fini = sandbox_done)
{
    static const struct leat_script_row listens[] = {{LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
    const struct spot *spot = &spots[*index];
    leat_testing_server *peer = script_server_start(listens);
    struct tls_object object;
    tls_object_init(&object);
    if (spot->bound)
        cr_assert(leat_tls_socket_bind(object.tls, "127.0.0.1", 0) == LEAT_OK);
    for (size_t i = 0; i < leat_code_count(); ++i) {
        int code = leat_code_at(i);
        if (leat_code_family(code) == LEAT_FAMILY_TLS_SOCKET &&
            !is_no_failure(spot, leat_code_errno(code))) {
            spot_run(spot, &object, leat_testing_server_get_port(peer), code);
        }
    }
    tls_object_done(&object);
    leat_testing_server_free(peer);
}
