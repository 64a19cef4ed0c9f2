/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * URLs of WebSockets over local sockets: ws+unix:PATH, or ws+unix:PATH:TARGET, as others write them too.
 * PATH is percent-decoded, so that a colon can be in it as %3A; "//" may stand before a path that is
 * absolute.
 */
#ifndef LEATI_URL_LOCAL_URL_H
#define LEATI_URL_LOCAL_URL_H

#include "url/url.h"

/** Whether it begins so, in any case. */
bool leati_url_is_local(const char *text);

/**
 * @param ret_path of the socket, or "@" and an abstract name; to be freed.
 * @param ret_url what the request says: ws, the host "localhost" and the target.
 * @return LEAT_OK; LEAT_E_WS_URL, recorded; LEAT_E_SYSTEM_INTERNAL.
 */
int leati_url_parse_local(const char *text, struct leati_failure *failure, char **ret_path,
                          struct leati_url *ret_url);

/** Whether it is SCHEME+unix:PATH, in any case. */
bool leati_url_is_local_proxy(const char *text);

/**
 * A proxy behind a local socket: SCHEME+unix:PATH, where PATH is percent-decoded and begins with "/" or
 * ".", or with "@" for an abstract name. User and password cannot stand in it.
 * @return LEAT_OK; recorded: LEAT_E_PARAMETER (the text never shows the URL), LEAT_E_SYSTEM_INTERNAL.
 */
int leati_url_parse_local_proxy(const char *text, struct leati_failure *failure,
                                struct leati_url *ret_url);

#endif
