/* SPDX-License-Identifier: Apache-2.0 */
/* What the setters refuse that are only a server's. */
#include "integration/common.h"

INTEGRATION_SUITE(server_settings);

Test(server_settings, not_an_origin)
{
    static const char *const bad[] = {"",           "example.com",          "https://",
                                      "https://a/", "https://a b",          "https://*",
                                      "https://*.", "https://a\r\nX: y",    "://a",
                                      "https://*a", "https://user@host.com"};
    leat_config *config;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect(leat_config_add_allowed_origin(config, bad[i]) == LEAT_E_PARAMETER, "%s", bad[i]);
    leat_config_free(config);
}

Test(server_settings, not_a_network)
{
    static const char *const bad[] = {"",          "example.com", "10.0.0.0/33", "10.0.0.0/",
                                      "10.0.0/8x", "unix:",       "fd00::/129"};
    leat_config *config;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect(leat_config_add_trusted_proxy(config, bad[i]) == LEAT_E_PARAMETER, "%s", bad[i]);
    cr_expect(leat_config_add_trusted_proxy(config, "unix") == LEAT_OK);
    cr_expect(leat_config_set_forwarded_header(config, (enum leat_forwarded_header)7) ==
              LEAT_E_PARAMETER);
    leat_config_free(config);
}
