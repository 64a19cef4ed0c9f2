/* SPDX-License-Identifier: Apache-2.0 */
#include "url/host.h"

#include <leat/error_codes.h>

#include "util/alloc.h"
#include "util/text.h"
#include "util/utf8.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <idn2.h>
#include <net/if.h>
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
    for (; *s; s++)
        if ((unsigned char)*s >= 0x80)
            return false;
    return true;
}

/* ---- IPv4 as inet_aton(3) and the URL standard read it ---------------------------------- */

/* The number of a label: decimal, 0 and octal, or 0x and hexadecimal. */
static bool label_number(const char *label, size_t len, uint64_t *ret_number)
{
    unsigned base = 10;
    uint64_t number = 0;

    if (len >= 2 && label[0] == '0') {
        bool is_hex = label[1] == 'x';
        base = is_hex ? 16 : 8;
        label += is_hex ? 2 : 1;
        len -= is_hex ? 2 : 1;
    }
    for (size_t i = 0; i < len; i++) {
        char c = label[i];
        unsigned digit = is_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
        if ((!is_digit(c) && (c < 'a' || c > 'f')) || digit >= base)
            return false;
        number = number * base + digit;
        if (number > UINT32_MAX)
            return false;
    }
    *ret_number = number;
    return true;
}

/* Whether the name is to be read as an address, be it a valid one or not. */
static bool ends_in_number(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *last = dot ? dot + 1 : name;
    const char *digits = "0123456789";

    if (strncmp(last, "0x", 2) == 0) {
        last += 2;
        digits = "0123456789abcdef";
    }
    return strspn(last, digits) == strlen(last);
}

/* "0x7f.1" is 127.0.0.1: the last number fills what the others have left. */
static bool ipv4_read(const char *name, struct in_addr *ret_ipv4)
{
    uint32_t ipv4 = 0;
    uint64_t number;

    for (unsigned i = 0; i < 4; i++) {
        size_t len = strcspn(name, ".");
        if (len == 0 || !label_number(name, len, &number))
            return false;
        if (name[len] == '\0') {
            if (number >> (8 * (4 - i)) != 0)
                return false;
            ret_ipv4->s_addr = htonl(ipv4 | (uint32_t)number);
            return true;
        }
        if (number > UINT8_MAX)
            return false;
        ipv4 |= (uint32_t)number << (8 * (3 - i));
        name += len + 1;
    }
    return false;
}

/* Puts the usual form of an address in the place of another. */
static int ipv4_normalize(char **name, const char **ret_reason)
{
    struct in_addr ipv4;
    char text[LEATI_IPV4_SIZE];

    if (!ipv4_read(*name, &ipv4)) {
        *ret_reason = "the host ends in a number and is not an IPv4 address";
        return LEAT_E_PARAMETER;
    }
    leati_text_ipv4(&ipv4, text);
    char *normal = leati_strdup(text);
    if (!normal)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_free(*name);
    *name = normal;
    return LEAT_OK;
}

/* ---- names ------------------------------------------------------------------------------ */

/* What is wrong with an ASCII name in lower case; NULL = nothing. */
static const char *name_fault(const char *label)
{
    size_t len;

    for (;; label += len + 1) {
        for (len = 0; label[len] && label[len] != '.'; len++)
            if (!is_host_byte(label[len]))
                return "the host holds a character that no host name has";
        if (len == 0)
            return "the host has an empty label";
        if (len > LEATI_HOST_LABEL_MAX_BYTES)
            return "the host has a label longer than 63 bytes";
        if (!label[len])
            return NULL;
    }
}

static void ascii_lower(char *s)
{
    for (; *s; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
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

int leati_host_from_name(const char *name, size_t len, char **ret_host, bool *ret_is_absolute,
                         const char **ret_reason)
{
    char *ascii = NULL;
    bool is_absolute = false;
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
    if (len > 1 && ascii[len - 1] == '.') {
        is_absolute = true;
        ascii[len - 1] = '\0';
    }
    ascii_lower(ascii);
    *ret_reason = name_fault(ascii);
    if (*ret_reason) {
        result = LEAT_E_PARAMETER;
        goto out;
    }
    if (ends_in_number(ascii)) {
        is_absolute = false;
        result = ipv4_normalize(&ascii, ret_reason);
        if (result != LEAT_OK)
            goto out;
    }
    if (ret_is_absolute)
        *ret_is_absolute = is_absolute;
    *ret_host = ascii;
    ascii = NULL;
out:
    leati_free(ascii);
    leati_free(decoded);
    return result;
}

/* What is wrong with a zone; NULL = nothing. */
static const char *zone_fault(const char *zone, size_t len)
{
    if (len == 0 || len >= IF_NAMESIZE)
        return "the zone of the IPv6 address is empty or too long";
    for (size_t i = 0; i < len; i++)
        if (!isascii(zone[i]) || (!isalnum(zone[i]) && !strchr("-._~", zone[i])))
            return "the zone of the IPv6 address holds a character that the name of no interface "
                   "has";
    return NULL;
}

int leati_host_from_ipv6(const char *literal, size_t len, char **ret_host, const char **ret_reason)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr in6;
    const char *zone = memchr(literal, '%', len);
    size_t zone_len = zone ? (size_t)(literal + len - zone - 1) : 0;

    *ret_reason = zone ? zone_fault(zone + 1, zone_len) : NULL;
    if (*ret_reason)
        return LEAT_E_PARAMETER;
    if (zone)
        len = (size_t)(zone - literal);
    *ret_reason = "the host is not an IPv6 address";
    if (len >= sizeof(text))
        return LEAT_E_PARAMETER;
    memcpy(text, literal, len);
    text[len] = '\0';
    if (inet_pton(AF_INET6, text, &in6) != 1)
        return LEAT_E_PARAMETER;
    inet_ntop(AF_INET6, &in6, text, sizeof(text));
    char *host = leati_asprintf("%s%.*s", text, zone ? (int)zone_len + 1 : 0, zone ? zone : "");
    if (!host)
        return LEAT_E_SYSTEM_INTERNAL;
    *ret_host = host;
    return LEAT_OK;
}
