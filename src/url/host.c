/* SPDX-License-Identifier: Apache-2.0 */
#include "url/host.h"

#include <leat/error_codes.h>

#include "core/address.h"
#include "util/alloc.h"
#include "util/text.h"
#include "util/utf8.h"

#include <idn2.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

static bool is_ascii(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s >= 0x80)
            return false;
    }
    return true;
}

/* Whether inet_aton(3) and its kin take the label for a number: decimal, or 0x and hexadecimal. */
static bool label_is_number(const char *label, size_t len)
{
    const char *digits = "0123456789";
    if (len >= 2 && label[0] == '0' && label[1] == 'x') {
        digits = "0123456789abcdef";
        label += 2;
        len -= 2;
    }
    return strspn(label, digits) >= len;
}

/* What is wrong with an ASCII name in lower case; NULL = nothing. */
static const char *name_fault(const char *name)
{
    struct leati_address address;
    const char *label = name;
    size_t len;

    if (leati_address_parse(name, 0, &address) && address.any.sa_family == AF_INET)
        return NULL;
    for (;; label += len + 1) {
        for (len = 0; label[len] && label[len] != '.'; len++) {
            if (!is_host_byte(label[len]))
                return "the host holds a character that no host name has";
        }
        if (len == 0)
            return "the host has an empty label";
        if (len > LEATI_HOST_LABEL_MAX_BYTES)
            return "the host has a label longer than 63 bytes";
        if (!label[len])
            break;
    }
    if (label_is_number(label, len))
        return "the host ends in a number and is not an IPv4 address";
    return NULL;
}

static void ascii_lower(char *s)
{
    for (; *s; s++) {
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
    }
}

/* Gives the name as A-labels, in memory of its own. */
static int name_to_ascii(const char *name, char **ret_ascii, const char **ret_reason)
{
    uint8_t *idn = NULL;

    if (is_ascii(name)) {
        *ret_ascii = leati_strdup(name);
        return *ret_ascii ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
    }
    if (!leati_utf8_valid(name, strlen(name))) {
        *ret_reason = "the host is not valid UTF-8";
        return LEAT_E_PARAMETER;
    }
    int result = idn2_lookup_u8((const uint8_t *)name, &idn, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (result == IDN2_MALLOC)
        return LEAT_E_SYSTEM_INTERNAL;
    if (result != IDN2_OK) {
        *ret_reason = "the host is not a valid internationalized name (IDNA)";
        return LEAT_E_PARAMETER;
    }
    *ret_ascii = leati_strdup((const char *)idn);
    idn2_free(idn);
    return *ret_ascii ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}

int leati_host_from_name(const char *name, size_t len, char **ret_host, const char **ret_reason)
{
    char *ascii = NULL;
    int result = LEAT_OK;

    char *decoded = leati_malloc(len + 1);
    if (!decoded)
        return LEAT_E_SYSTEM_INTERNAL;
    if (!leati_text_percent_decode(name, len, decoded, &len)) {
        *ret_reason = "the host has a broken percent escape";
        result = LEAT_E_PARAMETER;
        goto out;
    }
    result = name_to_ascii(decoded, &ascii, ret_reason);
    if (result != LEAT_OK)
        goto out;
    len = strlen(ascii);
    if (len > 1 && ascii[len - 1] == '.')
        ascii[len - 1] = '\0';
    ascii_lower(ascii);
    *ret_reason = name_fault(ascii);
    if (*ret_reason) {
        result = LEAT_E_PARAMETER;
        goto out;
    }
    *ret_host = ascii;
    ascii = NULL;
out:
    leati_free(ascii);
    leati_free(decoded);
    return result;
}

int leati_host_from_ipv6(const char *literal, size_t len, const char *zone, char **ret_host,
                         const char **ret_reason)
{
    char text[LEATI_ADDRESS_TEXT_SIZE];
    struct leati_address address;

    if (len >= sizeof(text)) {
        *ret_reason = "the host is not an IPv6 address";
        return LEAT_E_PARAMETER;
    }
    memcpy(text, literal, len);
    text[len] = '\0';
    if (!leati_address_parse(text, 0, &address) || address.any.sa_family != AF_INET6) {
        *ret_reason = "the host is not an IPv6 address";
        return LEAT_E_PARAMETER;
    }
    leati_address_format_host(&address, text, sizeof(text));
    char *host = leati_asprintf("%s%s%s", text, zone ? "%" : "", zone ? zone : "");
    if (!host)
        return LEAT_E_SYSTEM_INTERNAL;
    *ret_host = host;
    return LEAT_OK;
}
