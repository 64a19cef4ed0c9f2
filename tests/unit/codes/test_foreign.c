/* SPDX-License-Identifier: Apache-2.0 */
#include <leat/foreign_code.h>

#include "util/utf8.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(foreign, .timeout = 60);

static struct leat_foreign_match matches[LEAT_FOREIGN_MATCHES_MAX];

static size_t find(const char *table, const char *text)
{
    const leat_foreign_table *where = table ? leat_foreign_table_find(table) : NULL;
    cr_assert(!table || where, "no table %s", table);
    size_t count = leat_foreign_code_find(where, text, matches, LEAT_FOREIGN_MATCHES_MAX);
    cr_assert(count <= LEAT_FOREIGN_MATCHES_MAX);
    return count;
}

static const leat_foreign_code *find_one(const char *table, const char *text)
{
    size_t count = find(table, text);
    cr_assert_eq(count, 1, "%zu rows for %s", count, text);
    return matches[0].code;
}

static bool is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

static void check_row(const leat_foreign_code *code)
{
    const char *key = leat_foreign_code_key(code);
    const char *english = leat_foreign_code_meaning(code, LEAT_LANGUAGE_EN);
    const char *chinese = leat_foreign_code_meaning(code, LEAT_LANGUAGE_ZH);
    const char *english_note = leat_foreign_code_note(code, LEAT_LANGUAGE_EN);
    const char *chinese_note = leat_foreign_code_note(code, LEAT_LANGUAGE_ZH);
    int64_t first, last;
    cr_assert(*key && is_ascii(key) && is_ascii(leat_foreign_code_name(code)));
    cr_assert(*english && is_ascii(english), "%s: %s", key, english);
    cr_assert(*chinese && !is_ascii(chinese), "%s: %s", key, chinese);
    cr_assert(leati_utf8_valid(chinese, strlen(chinese)));
    cr_assert_eq(*english_note == '\0', *chinese_note == '\0', "%s", key);
    cr_assert(is_ascii(english_note) && leati_utf8_valid(chinese_note, strlen(chinese_note)));
    cr_assert(!leat_foreign_code_range(code, &first, &last) || first <= last);
    cr_assert(!leat_foreign_code_twin_range(code, &first, &last) || first <= last);
    cr_assert(!leat_foreign_code_inner_table(code) || leat_foreign_code_is_form(code));
}

Test(foreign, every_row_is_complete_and_found_by_its_key)
{
    for (size_t i = 0; i < leat_foreign_table_count(); i++) {
        const leat_foreign_table *table = leat_foreign_table_at(i);
        cr_assert_eq(leat_foreign_table_find(leat_foreign_table_name(table)), table);
        cr_assert(is_ascii(leat_foreign_table_title(table, LEAT_LANGUAGE_EN)));
        cr_assert(!is_ascii(leat_foreign_table_title(table, LEAT_LANGUAGE_ZH)));
        for (size_t k = 0; k < leat_foreign_table_code_count(table); k++) {
            const leat_foreign_code *code = leat_foreign_table_code_at(table, k);
            cr_assert_eq(leat_foreign_code_table(code), table);
            check_row(code);
            bool found = false;
            size_t count = find(leat_foreign_table_name(table), leat_foreign_code_key(code));
            for (size_t m = 0; m < count; m++)
                found = found || matches[m].code == code;
            cr_assert(found, "%s %s", leat_foreign_table_name(table), leat_foreign_code_key(code));
        }
        cr_assert_null(leat_foreign_table_code_at(table, leat_foreign_table_code_count(table)));
    }
    cr_assert_null(leat_foreign_table_at(leat_foreign_table_count()));
}

Test(foreign, a_platform_code_gives_name_errno_and_leat_code)
{
    static const struct {
        const char *table, *number, *name;
        int sys_errno;
    } rows[] = {
        {"winsock", "10054", "WSAECONNRESET", ECONNRESET},
        {"winsock", "10035", "WSAEWOULDBLOCK", EAGAIN},
        {"winsock", "11001", "WSAHOST_NOT_FOUND", 0},
        {"hpux", "10239", "ECONNREFUSED", ECONNREFUSED},
        {"hpux", "10054", "ENOSTR", ENOSTR},
        {"hpux", "10252", "ENOTSUP", EOPNOTSUPP},
        {"hpux", "10240", "EREMOTERELEASE", 0},
        {"aix", "10079", "ECONNREFUSED", ECONNREFUSED},
        {"aix", "10087", "ENOTEMPTY", ENOTEMPTY},
        {"aix", "10083", "EPROCLIM", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const leat_foreign_code *code = find_one(rows[i].table, rows[i].number);
        int leat_code = rows[i].sys_errno ? LEAT_E_SOCKET_BASE + rows[i].sys_errno : LEAT_OK;
        cr_assert_str_eq(leat_foreign_code_name(code), rows[i].name);
        cr_assert_eq(leat_foreign_code_errno(code), rows[i].sys_errno);
        cr_assert_eq(leat_foreign_code_leat_code(code), leat_code);
    }
}

/** The mapped errno carries the name that the platform gives it. */
Test(foreign, the_linux_errno_has_the_same_name)
{
    static const char *const tables[] = {"winsock", "hpux", "aix"};
    for (size_t i = 0; i < 3; i++) {
        const leat_foreign_table *table = leat_foreign_table_find(tables[i]);
        for (size_t k = 0; k < leat_foreign_table_code_count(table); k++) {
            const leat_foreign_code *code = leat_foreign_table_code_at(table, k);
            const char *name = leat_foreign_code_name(code) + (i == 0 ? strlen("WSA") : 0);
            int codes[2] = {LEAT_OK, LEAT_OK};
            cr_assert_eq(leat_code_find(name, codes, 2), leat_foreign_code_errno(code) ? 2 : 0,
                         "%s", name);
            cr_assert_eq(leat_foreign_code_leat_code(code), codes[0], "%s", name);
        }
    }
}

static void check_form(const char *text, const char *form, const char *inner_table,
                       const char *inner_key)
{
    const leat_foreign_code *code =
        find_one(strchr(text, ':') ? "message-state" : "composite", text);
    cr_assert_str_eq(leat_foreign_code_key(code), form);
    cr_assert(leat_foreign_code_is_form(code));
    const leat_foreign_table *inner = leat_foreign_code_inner_table(code);
    cr_assert_str_eq(inner ? leat_foreign_table_name(inner) : "", inner_table);
    cr_assert_eq(matches[0].inner != NULL, *inner_key != '\0', "%s", text);
    if (matches[0].inner)
        cr_assert_str_eq(leat_foreign_code_key(matches[0].inner), inner_key);
}

Test(foreign, forms_are_decoded)
{
    static const char *const rows[][4] = {
        {"0013", "AAAA", "gateway", "13"},
        {"10054", "1XXXX", "send-failure", "0054"},
        {"20021", "2BBBB", "scp", "21"},
        {"29999", "2BBBB", "scp", ""},
        {"30030", "3XXXX", "send-failure", "0030"},
        {"40202", "4CCCC", "gateway", "202"},
        {"50100", "5XXXX", "send-failure", "0100"},
        {"50101", "5XXXX", "send-failure", "0100-0499"},
        {"61234", "6DDDD", "", ""},
        {"70012", "7XXXX", "send-failure", "0012"},
        {"89004", "8EEEE", "dsmp", "9004"},
        {"90053", "9XXXX", "send-failure", "0053"},
        {"100040", "10FFFF", "smc", "0x00000040"},
        {"10004a", "10FFFF", "smc", "0x0000004A"},
        {"100FFF", "10FFFF", "smc", "0x00000090-0x00000FFF"},
        {"10FFFF", "10FFFF", "smc", "others"},
        {"110051", "11XXXX", "send-failure", "0051"},
        {"122004", "12GGGG", "space", "2004"},
        {"MA:0053", "MA:xxxx", "send-failure", "0053"},
        {"ma:53", "MA:xxxx", "send-failure", "0053"},
        {"MB:0040", "MB:xxxx", "smc", "0x00000040"},
        {"CB:0021", "CB:xxxx", "scp", "21"},
        {"IB:0004", "IB:xxxx", "gateway", "4"},
        {"SB:0004", "SB:xxxx", "", ""},
        {"ID:0055", "ID:xxxx", "gateway", "55"},
        {"MI:ab12", "MI::zzzz", "", ""},
        {"MI::0001", "MI::zzzz", "", ""},
        {"MH:0001", "MH:zzzz", "", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_form(rows[i][0], rows[i][1], rows[i][2], rows[i][3]);
    const leat_foreign_code *exact = find_one("message-state", "ID:0020");
    cr_assert(!leat_foreign_code_is_form(exact), "the row for the very code comes first");
}

Test(foreign, what_is_no_form_is_not_found)
{
    static const char *const bad[] = {
        "MA:",     "MA:00533", "MA:00x3", "MA",     "MA0053", ":0053", "MA:-053",
        "MA: 053", "MI:::001", "MI:",     "2002x",  "200211", "002",   "130001",
        "1000G0",  "XX:0001",  "MA::053", "00000a", "",       "x",     "10FFFG",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(find("composite", bad[i]), 0, "composite found '%s'", bad[i]);
        cr_assert_eq(find("message-state", bad[i]), 0, "message-state found '%s'", bad[i]);
    }
}

Test(foreign, ranges_and_rests)
{
    cr_assert_str_eq(leat_foreign_code_key(find_one("gateway", "14")), "14-49");
    cr_assert_str_eq(leat_foreign_code_key(find_one("gateway", "49")), "14-49");
    cr_assert_eq(find("gateway", "50"), 0);
    cr_assert_str_eq(leat_foreign_code_key(find_one("gateway", "202")), "202");
    cr_assert_str_eq(leat_foreign_code_key(find_one("gateway", "204")), "201-240");
    cr_assert_str_eq(leat_foreign_code_key(find_one("decode", "97999")), "97013-97999");
    cr_assert_str_eq(leat_foreign_code_key(find_one("smc", "0x1000")), "others");
    cr_assert_str_eq(leat_foreign_code_key(find_one("smc", "64")), "0x00000040");
    cr_assert_eq(find(NULL, "0x1000"), 0, "the rest of a table needs the table");
    cr_assert_str_eq(leat_foreign_code_key(find_one("message-result", "-7")), "<0");
    cr_assert_eq(find("message-result", "-9223372036854775807"), 1);
    cr_assert_str_eq(leat_foreign_code_key(find_one("scp", "-1")), "-1");
    cr_assert_str_eq(leat_foreign_code_name(find_one("internal", "0x80000157")), "E_STORE_CANCEL");
    cr_assert_str_eq(leat_foreign_code_name(find_one("internal", "20")), "E_CMPP_SUBMIT_ERR");
}

Test(foreign, two_columns)
{
    cr_assert_str_eq(leat_foreign_code_key(find_one("login", "status=11")), "status=11 result=3");
    cr_assert_str_eq(leat_foreign_code_key(find_one("login", "RESULT=3")), "status=11 result=3");
    cr_assert_eq(find("login", "status=3"), 0);
    cr_assert_eq(find("login", "column=3"), 0);
    cr_assert_eq(find("login", "status="), 0);
    cr_assert_eq(find("submit", "status=60"), 2);
    cr_assert_str_eq(leat_foreign_code_key(find_one("submit", "result=18")),
                     "status=others result=17-255");
    cr_assert_str_eq(leat_foreign_code_key(find_one("submit", "status=99")),
                     "status=others result=17-255");
    cr_assert_str_eq(leat_foreign_code_key(find_one("maintenance", "4067")), "99067 (4067)");
}

/** What a text finds in all tables: "table key", in order, as many as are given. */
static void check_order(const char *text, const char *const *expected)
{
    size_t count = find(NULL, text);
    for (size_t i = 0; expected[i]; i++) {
        char row[96];
        cr_assert_lt(i, count, "%s finds only %zu rows", text, count);
        snprintf(row, sizeof(row), "%s %s",
                 leat_foreign_table_name(leat_foreign_code_table(matches[i].code)),
                 leat_foreign_code_key(matches[i].code));
        cr_assert_str_eq(row, expected[i], "%s, row %zu: %s", text, i, row);
    }
}

Test(foreign, what_people_ask_for_comes_first)
{
    static const char *const rows[][4] = {
        {"1006", "close 1006", "ndk 1006"},
        {"407", "http 407"},
        {"502", "http 502"},
        {"0x05", "socks5-reply 0x05"},
        {"5", "socks5-reply 0x05", "errno 5", "gateway 5"},
        {"0xf3", "socks5-reply 0xF3"},
        {"alert 40", "alert 40"},
        {"SSL alert number 48", "alert 48"},
        {"handshake_failure", "alert 40"},
        {"111", "alert 111", "errno 111", "dsmp 111"},
        {"errno 104", "errno 104"},
        {"close code 4000", "close 4000-4999"},
        {"2300006", "harmonyos 2300006"},
        {"2300017", "harmonyos 2300001-2300200"},
        {"2305010", "harmonyos 2305010"},
        {"10054", "winsock 10054", "hpux 10054", "composite 1XXXX"},
        {"56", "errno 56", "scp 56", "submit status=56 result=7"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const expected[] = {rows[i][1], rows[i][2], rows[i][3], NULL};
        check_order(rows[i][0], expected);
    }
    cr_assert_eq(find(NULL, "1006"), 2, "no form whose digits no table knows");
    cr_assert_eq(find(NULL, "alert 40"), 1);
}

Test(foreign, a_range_of_four_digits_has_four_digits)
{
    for (size_t i = find(NULL, "407"); i > 0; i--)
        cr_assert_str_neq(leat_foreign_code_key(matches[i - 1].code), "0100-0499");
    cr_assert_eq(find("send-failure", "407"), 1, "whoever names the table need not pad");
    size_t count = find(NULL, "0407");
    cr_assert_str_eq(leat_foreign_code_key(matches[count - 1].code), "0100-0499");
}

Test(foreign, the_very_code_of_one_column_does_not_hide_the_range_of_the_other)
{
    static const char *const numbers[] = {"56", "49", "60", "102"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        size_t count = find("submit", numbers[i]);
        cr_assert_geq(count, 2, "%s", numbers[i]);
        cr_assert_str_eq(leat_foreign_code_key(matches[count - 1].code),
                         "status=others result=17-255", "%s", numbers[i]);
    }
    cr_assert_eq(find("submit", "status=56"), 1);
}

Test(foreign, other_spellings_are_taken)
{
    static const char *const rows[][3] = {
        {"14~49", "gateway", "14-49"},
        {"14～49", "gateway", "14-49"},
        {"14 – 49", "gateway", "14-49"},
        {"17-255", "submit", "status=others result=17-255"},
        {"17~255", "internal", "E_CMPP_SUBMIT_ERR=17-255"},
        {"其它 result=17~255", "submit", "status=others result=17-255"},
        {"status= 30", "submit", "status=30 result=11"},
        {"status= 30 result=11", "submit", "status=30 result=11"},
        {"ＳＴＡＴＵＳ＝30", "submit", "status=30 result=11"},
        {"E_SCP_SEND_FAIL = 100", "internal", "E_SCP_SEND_FAIL=100"},
        {"E_DCS_ ERROR=26", "internal", "E_DCS_ERROR=26"},
        {"E_PARAMERR=16 = 0", "internal", "E_PARAMERR=16"},
        {"E_CMPP_SUBMIT_ERR=17~255", "internal", "E_CMPP_SUBMIT_ERR=17-255"},
        {"１００５４", "winsock", "10054"},
        {"ErrCode:10054", "winsock", "10054"},
        {"ErrCode：10054", "winsock", "10054"},
        {"errcode: 10054", "winsock", "10054"},
        {"ErrCode:97001,ErrorType:0", "decode", "97001"},
        {"MA：0053", "message-state", "MA:xxxx"},
        {"0X00000001 – 0X0000000F", "smc", "0x00000001-0x0000000F"},
        {"0X80000150", "internal", "E_STORE_TIME_OUT=0x80000150"},
        {"2147483984", "internal", "E_STORE_TIME_OUT=0x80000150"},
        {"-2147483312", "internal", "E_STORE_TIME_OUT=0x80000150"},
        {"-2147483305", "internal", "E_STORE_CANCEL=0x80000157"},
        {"scp -1", "scp", "-1"},
        {"smc:0X00001000", "smc", "others"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool found = false;
        for (size_t k = find(NULL, rows[i][0]); k > 0; k--) {
            const leat_foreign_code *code = matches[k - 1].code;
            const char *table = leat_foreign_table_name(leat_foreign_code_table(code));
            found = found || (strcmp(table, rows[i][1]) == 0 &&
                              strcmp(leat_foreign_code_key(code), rows[i][2]) == 0);
        }
        cr_assert(found, "'%s' does not find %s %s", rows[i][0], rows[i][1], rows[i][2]);
    }
    int code = LEAT_OK;
    cr_assert_eq(leat_code_find("ErrCode：２３０１２０８", &code, 1), 1);
    cr_assert_eq(code, LEAT_E_SOCKS5_CONNECT_REMOTE);
    cr_assert_eq(leat_code_find("errno ECONNRESET", NULL, 0), 2);
    cr_assert_eq(leat_code_find("alert 401", NULL, 0), 0);
}

Test(foreign, a_number_finds_what_is_written_alike)
{
    for (size_t i = find(NULL, "0X00000040"); i > 0; i--) {
        cr_assert_str_eq(leat_foreign_table_name(leat_foreign_code_table(matches[i - 1].code)),
                         "smc");
    }
    size_t count = find(NULL, "64");
    cr_assert_gt(count, 2);
    for (size_t i = 0; i < count; i++)
        cr_assert_str_neq(leat_foreign_table_name(leat_foreign_code_table(matches[i].code)), "smc");
}

Test(foreign, bad_input_is_not_found)
{
    static const char *const bad[] = {
        "",
        " ",
        "-",
        "--1",
        "0x",
        "0xg",
        "+1",
        "1 ",
        " 1",
        "1.0",
        "=",
        "=1",
        "a=b=1",
        "1e3",
        "\xff\xfe",
        "99999999999999999999999999999999999999",
        "alert",
        "alert ",
        "alert  40",
        "alert 40 40",
        "14~",
        "~49",
        "14~48",
        "errcode:",
        "http: ",
        "\xef\xbc",
        "\xef\xbd\x9f",
        "0xffffffffffffffffffffffffffff",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(find(NULL, bad[i]), 0, "found '%s'", bad[i]);
    cr_assert_eq(leat_foreign_code_find(NULL, NULL, matches, 1), 0);
    cr_assert_eq(leat_foreign_code_find(NULL, "1", NULL, 1), 0);
    cr_assert_null(leat_foreign_table_find(NULL));
    cr_assert_null(leat_foreign_table_find(""));
    cr_assert_null(leat_foreign_table_find("winsock2"));
}

Test(foreign, counts_beyond_the_room_and_fits_the_maximum)
{
    char text[24];
    struct leat_foreign_match one[2] = {0};
    size_t most = 0;
    for (int number = -2; number < 25000; number++) {
        snprintf(text, sizeof(text), "%d", number);
        size_t count = leat_foreign_code_find(NULL, text, NULL, 0);
        most = count > most ? count : most;
    }
    cr_assert(most > 5 && most <= LEAT_FOREIGN_MATCHES_MAX, "%zu", most);
    cr_assert_gt(leat_foreign_code_find(NULL, "12", one, 1), 1);
    cr_assert_not_null(one[0].code);
    cr_assert_null(one[1].code, "nothing is written beyond the room");
}

Test(foreign, random_texts_are_answered)
{
    static const char alphabet[] = "0019aAxX:=-MIDEz_\xe4 ";
    unsigned state = 7;
    char text[12];
    for (int i = 0; i < 4000; i++) {
        size_t len = 0;
        do {
            state = state * 1664525u + 1013904223u;
            text[len] = alphabet[(state >> 16) % (sizeof(alphabet) - 1)];
        } while (++len < sizeof(text) - 1 && (state >> 28) != 0);
        text[len] = '\0';
        cr_assert_eq(find(NULL, text), leat_foreign_code_find(NULL, text, NULL, 0), "%s", text);
        cr_assert(leat_code_find(text, NULL, 0) <= 2);
    }
}
