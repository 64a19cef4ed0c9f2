#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat explain`: what it accepts, what it prints, how it fails.

usage: explain.py PROGRAM     PROGRAM is the tool `leat`
"""
import json
import os
import subprocess
import sys
import unittest

from patience import patience

PROGRAM = None
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE")


def run(*arguments, **environment):
    """Runs `leat explain` in the C locale unless the environment says otherwise."""
    env = {k: v for k, v in os.environ.items() if k not in LOCALE_VARIABLES}
    env.update(environment)
    return subprocess.run([PROGRAM, "explain", *arguments], capture_output=True, env=env, timeout=patience(10))


class Explain(unittest.TestCase):
    def found(self, *arguments, **environment):
        result = run(*arguments, **environment)
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(result.stderr, b"")
        return result.stdout.decode("utf-8")

    def rows(self, *arguments, **environment):
        rows = json.loads(self.found("--json", *arguments, **environment))
        self.assertIsInstance(rows, list)
        return rows

    def fails(self, status, *arguments):
        """Fails with this status, says one thing about it, and prints nothing else."""
        result = run(*arguments)
        self.assertEqual(result.returncode, status, (arguments, result))
        self.assertTrue(result.stderr.startswith(b"leat explain: "), result.stderr)
        self.assertEqual(result.stdout, b"")
        return result.stderr.decode("utf-8", "replace")

    # what is accepted

    def test_own_code(self):
        (row,) = self.rows("2301208")
        self.assertEqual(row["table"], "socks5")
        self.assertEqual(row["code"], 2301208)
        self.assertEqual(row["name"], "LEAT_E_SOCKS5_CONNECT_REMOTE")
        self.assertEqual(row["message"], "Socks5 failed to connect to the remote server.")
        self.assertEqual(row["class"], "peer")
        self.assertTrue(row["description"] and row["causes"] and row["remedies"])

    def test_errno_name(self):
        rows = self.rows("ECONNREFUSED")
        self.assertEqual([row["table"] for row in rows], ["socket", "tls-socket", "hpux", "aix"])
        self.assertEqual(rows[0]["code"], 2301111)
        self.assertEqual({row["errno"] for row in rows}, {111})
        self.assertEqual(rows[2]["leat_code"], 2301111)

    def test_number_of_several_tables(self):
        rows = {row["table"]: row for row in self.rows("10054")}
        self.assertEqual(set(rows), {"composite", "winsock", "hpux"})
        self.assertEqual(rows["winsock"]["name"], "WSAECONNRESET")
        self.assertEqual(rows["winsock"]["errno_name"], "ECONNRESET")
        self.assertEqual(rows["winsock"]["leat_code"], 2301104)
        self.assertEqual(rows["composite"]["inner"]["key"], "0054")

    def test_composite(self):
        (row,) = self.rows("20021")
        self.assertEqual(row["key"], "2BBBB")
        self.assertEqual(row["inner"], {"table": "scp", "key": "21", "meaning": "Database error"})

    def test_hexadecimal(self):
        (row,) = self.rows("0X00000040")
        self.assertEqual((row["table"], row["code"]), ("smc", 0x40))

    def test_status_reports(self):
        (row,) = self.rows("MA:0053")
        self.assertEqual(row["inner"]["table"], "send-failure")
        (row,) = self.rows("ID:0020")
        self.assertEqual(row["key"], "ID:0020")

    def test_internal_name(self):
        (row,) = self.rows("E_NORIGHT")
        self.assertEqual((row["table"], row["code"]), ("internal", 12))

    def test_what_people_ask_for_comes_first(self):
        for query, table in (("1006", "close"), ("407", "http"), ("502", "http"), ("0x05", "socks5-reply"),
                             ("111", "alert"), ("104", "errno"), ("2305010", "harmonyos")):
            with self.subTest(query):
                self.assertEqual(self.rows(query)[0]["table"], table)
        self.assertIn("--ping", self.rows("1006")[0]["note"])

    def test_words_in_front(self):
        for arguments in (("alert", "40"), ("alert 40",), ("SSL", "alert", "number", "40"), ("--table", "alert", "40")):
            (row,) = self.rows(*arguments)
            self.assertEqual((row["table"], row["name"]), ("alert", "handshake_failure"))
        rows = self.rows("http", "502", "status=", "30", "E_SCP_SEND_FAIL", "=", "100", "ErrCode:", "2301208")
        self.assertEqual([row["table"] for row in rows], ["http", "submit", "internal", "socks5"])
        self.assertEqual(rows[1]["query"], "status= 30")

    def test_success_has_no_empty_lists(self):
        text = self.found("0")
        self.assertTrue(text.startswith("0  LEAT_OK  (none)\n  message      Success.\n"), text)
        self.assertNotIn("causes", text)
        self.assertNotIn("remedies", text)

    def test_a_code_of_a_table_that_was_left_out_is_hinted_at(self):
        self.assertIn("--table smc has it", self.fails(1, "0X00001000"))
        self.assertIn("--table socks5 has it", self.fails(1, "2301208", "--table", "winsock"))
        self.assertIn("did you mean ECONNREFUSED?", self.fails(1, "ECONREFUSED"))
        self.assertIn("did you mean handshake_failure?", self.fails(1, "handshake_failur"))
        self.assertEqual(self.fails(1, "5555555").count("\n"), 1)

    def test_failed_connects_of_harmonyos(self):
        self.assertIn("HarmonyOS", self.found("2301115"))
        self.assertIn("HarmonyOS", self.found("2301115", "--lang", "zh"))

    def test_negative_numbers_are_codes(self):
        self.assertEqual({row["table"] for row in self.rows("-1")}, {"scp", "message-result"})

    def test_several_codes(self):
        self.assertEqual([row["code"] for row in self.rows("2300002", "--", "2302001")], [2300002, 2302001])

    def test_table(self):
        (row,) = self.rows("10054", "--table", "hpux")
        self.assertEqual(row["name"], "ENOSTR")
        (row,) = self.rows("--table=TLS-socket", "ECONNREFUSED")
        self.assertEqual(row["code"], 2303211)

    # languages

    def test_language(self):
        english = self.found("2303504")
        chinese = self.found("2303504", "--lang", "zh")
        self.assertIn("class ", english)
        self.assertIn("类别", chinese)
        self.assertNotEqual(english, chinese)
        self.assertEqual(self.found("2303504", "--lang=en", LANG="zh_CN.UTF-8"), english)
        self.assertEqual(self.found("2303504", LANG="zh_CN.UTF-8"), chinese)
        self.assertEqual(self.found("2303504", LC_MESSAGES="zh_TW", LANG="de_DE"), chinese)
        self.assertEqual(self.found("2303504", LC_ALL="C", LANG="zh_CN.UTF-8"), english)
        self.assertEqual(self.found("2303504", LC_ALL="", LANG="zh"), chinese)

    # lists

    def test_list_has_every_row_in_both_forms(self):
        rows = self.rows("--list")
        lines = [line for line in self.found("--list").splitlines() if line.startswith("  ")]
        self.assertEqual(len(rows), len(lines))
        self.assertGreater(len(rows), 950)
        tables = {row["table"] for row in rows}
        total = 0
        for table in tables:
            part = self.rows("--list", "--table", table)
            self.assertEqual({row["table"] for row in part}, {table})
            total += len(part)
        self.assertEqual(total, len(rows))

    def test_every_row_is_complete_in_both_languages(self):
        for language in "en", "zh":
            for row in self.rows("--list", "--lang", language):
                own = "message" in row
                for member in ("class", "description", "causes", "remedies") if own else ("key", "meaning"):
                    self.assertTrue(row[member], row)
                if own:
                    self.assertTrue(all(isinstance(line, str) and line for line in row["causes"] + row["remedies"]))

    def test_every_listed_row_is_explained(self):
        rows = self.rows("--list")
        for table in sorted({row["table"] for row in rows}):
            keys = [str(row["code"] if "message" in row else row["key"]) for row in rows if row["table"] == table]
            again = self.rows("--table", table, "--", *keys)
            self.assertEqual({row.get("key", str(row.get("code"))) for row in again}, set(keys))
            self.assertEqual({row["query"] for row in again}, set(keys))

    # how it fails

    def test_unknown_codes(self):
        long = "9" * 5000
        for text in ("", " ", "nonsense", "2301999", "0x", "0xzz", "+1", "1 ", "99999999999999999999", long, "MA:",
                     "ID:00000", "E_", "LEAT_E_", "-", "-99999999999999999999", "12abc", "=", "\n", "1e3", "%s%n"):
            with self.subTest(text=text[:30]):
                message = self.fails(1, text)
                self.assertIn("unknown code", message)
                self.assertLess(len(message), 200)

    def test_unknown_codes_do_not_reach_the_terminal_as_they_are(self):
        result = run("\x1b[31m\x07red")
        self.assertEqual(result.returncode, 1)
        self.assertNotIn(b"\x1b", result.stderr)
        self.assertEqual(subprocess.run([PROGRAM, "explain", b"\xff\xfe"], capture_output=True).returncode, 1)

    def test_an_unknown_code_among_known_ones(self):
        result = run("2300002", "nonsense", "2302001", "--json")
        self.assertEqual(result.returncode, 1)
        self.assertEqual([row["code"] for row in json.loads(result.stdout)], [2300002, 2302001])
        self.assertIn(b"'nonsense'", result.stderr)

    def test_json_of_nothing_is_an_empty_list(self):
        self.assertEqual(json.loads(run("nonsense", "--json").stdout), [])

    def test_a_code_of_another_table(self):
        self.assertIn("unknown code", self.fails(1, "2301208", "--table", "winsock"))
        self.assertIn("unknown code", self.fails(1, "10054", "--table", "socket"))

    def test_unknown_table_and_language(self):
        self.assertIn("winsock", self.fails(2, "1", "--table", "nonsense"))
        self.assertIn("did you mean winsock?", self.fails(2, "1", "--table", "winsok"))
        self.fails(2, "--list", "--table", "")
        self.assertIn("en|zh", self.fails(2, "1", "--lang", "de"))
        self.fails(2, "1", "--lang=")

    def test_wrong_usage(self):
        for arguments in ([], ["--json"], ["--table", "scp"], ["--list", "401"], ["--nonsense", "401"], ["-x", "401"],
                          ["401", "--lang"], ["401", "--table"], ["--"], ["--jsonx", "401"], ["--langen", "401"]):
            with self.subTest(arguments=arguments):
                self.fails(2, *arguments)

    def test_help(self):
        text = self.found("--help")
        self.assertEqual(text, self.found("401", "-h"))
        for word in ("--lang", "--table", "--list", "--json"):
            self.assertIn(word, text)

    def test_help_names_every_table(self):
        words = self.found("--help-all").replace(",", " ").split()
        for table in {row["table"] for row in self.rows("--list")}:
            self.assertIn(table, words)

    def test_a_full_disk_is_noticed(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run([PROGRAM, "explain", "401"], stdout=full, stderr=subprocess.PIPE, timeout=patience(10))
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"cannot write", result.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
