/* SPDX-License-Identifier: Apache-2.0 */
/* Linked to a program of the NDK, it lets that trust the CA file in LEAT_TEST_CA. The program
 * itself stays as it is. */
#include <leat/ohos.h>

#include <stdlib.h>

__attribute__((constructor)) static void trust_test_ca(void)
{
    leat_config *config;
    if (!getenv("LEAT_TEST_CA") || leat_config_new(&config) != LEAT_OK)
        return;
    if (leat_config_set_ca_path(config, getenv("LEAT_TEST_CA")) != LEAT_OK ||
        leat_ohos_set_config(config) != LEAT_OK)
        abort();
    leat_config_free(config);
}
