/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the HarmonyOS NDK of <network/netstack/net_websocket.h> has no words for: CA, client
 * certificate, proxy, limits, deadlines, trace. In libnet_websocket.so, not in libleat.so.
 */
#ifndef LEAT_OHOS_H
#define LEAT_OHOS_H

#include <leat/config.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Sets how every later OH_WebSocketClient_Connect() of this process connects. The configuration is
 * copied; NULL = the defaults again. A trace function in it is called on the library's thread.
 *
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory; nothing has changed). @thread any.
 */
LEAT_API LEAT_MUST_CHECK int leat_ohos_set_config(const leat_config *config);

#ifdef __cplusplus
}
#endif

#endif
