# SPDX-License-Identifier: Apache-2.0
"""Medians, ratios, tables and the plot."""
import statistics
import subprocess

from plan import BEST, OPENINGS, PEERS, SIZE_AT_MOST, TARGETS

LIBRARIES = [peer.name for peer in PEERS if not peer.limit and peer.name != "leat"]
IDLE_METRICS = (("heap_per_connection", "heap, B"), ("resident_per_connection", "resident, B"),
                ("connect_cpu_us", "connect, CPU us"), ("echo_one_cpu_us", "echo on one, CPU us"),
                ("echo_spread_cpu_us", "echo in turn, CPU us"))


class Results:
    """rounds[work][peer] = one dictionary of numbers for each round, None where there is none."""

    def __init__(self):
        self.rounds = {}
        self.remarks = {}  # (work, peer) -> why there is nothing
        self.notes = []  # where the server was busier than the client

    def add(self, work, peer, number, result):
        rounds = self.rounds.setdefault(work, {}).setdefault(peer, [])
        rounds += [None] * (number + 1 - len(rounds))
        rounds[number] = result

    def values(self, work, peer, metric):
        return [result[metric] for result in self.rounds.get(work, {}).get(peer, []) if result and metric in result]

    def median(self, work, peer, metric):
        values = self.values(work, peer, metric)
        return statistics.median(values) if values else None

    def ratio(self, work, metric, peer, other, other_work=""):
        """The median of the ratios within a round, because what disturbs one disturbs its neighbour."""
        pairs = zip(self.rounds.get(work, {}).get(peer, []), self.rounds.get(other_work or work, {}).get(other, []))
        ratios = [a[metric] / b[metric] for a, b in pairs if a and b and a.get(metric) and b.get(metric)]
        return statistics.median(ratios) if ratios else None

    def names(self):
        """Of the libraries that have measured anything."""
        found = {name for peers in self.rounds.values() for name, rounds in peers.items() if any(rounds)}
        return [peer.name for peer in PEERS if peer.name in found]

    def best_peer(self, work, metric):
        """The library with the lowest median that is above 0; 0 stands for not counted."""
        found = [(self.median(work, name, metric), name) for name in LIBRARIES]
        found = [pair for pair in found if pair[0]]
        return min(found)[1] if found else None


def number(value):
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 10 else f"{value:.1f}"


def table(header, rows):
    """Lines; none without rows."""
    if not rows:
        return
    yield "| " + " | ".join(header) + " |"
    yield "|" + "|".join("---" if i == 0 else "---:" for i in range(len(header))) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def message_table(results, works):
    names = results.names()
    rows = []
    for work in works:
        if work.kind == "idle" or work.name not in results.rounds:
            continue
        cells = [work.name]
        for name in names:
            value = number(results.median(work.name, name, "cpu_us_per_message"))
            ratio = results.ratio(work.name, "cpu_us_per_message", "leat", name) if name != "leat" else None
            cells.append(f"{value} ({number(ratio)})" if ratio else value)
        rows.append(cells)
    yield "CPU of the client in us per message or connection; in brackets leat's share of it, the median of the rounds' ratios."
    yield ""
    yield from table(["work", *names], rows)


def speed_table(results, works):
    names = results.names()
    rows = []
    for work in works:
        if work.kind not in ("echo", "send", "receive", "open") or work.name not in results.rounds:
            continue
        metric = "mb_per_s" if work.size > 64 else "messages_per_s"
        unit = "MB/s" if work.size > 64 else "1/s"
        cells = [f"{work.name} ({unit})"]
        rows.append(cells + [number(results.median(work.name, name, metric)) for name in names])
    yield "Throughput by the clock; it depends on what else the machine does."
    yield ""
    yield from table(["work", *names], rows)


def idle_table(results, works):
    names = results.names()
    rows = []
    for work in works:
        if work.kind != "idle" or work.name not in results.rounds:
            continue
        for metric, label in IDLE_METRICS:
            rows.append([f"{work.name}: {label}",
                         *(number(results.median(work.name, name, metric) or None) for name in names)])
    yield "Idle connections in one process, each number per connection (fixed costs shared out) or per echo."
    yield ""
    yield from table(["", *names], rows)


def flight_table(flights):
    rows = [[opening.name, name, str(found["round_trips"]), f"{found['open_ms']:.0f}"]
            for opening in OPENINGS for name, found in flights.get(opening.name, {}).items()]
    yield "Open through SOCKS5 with a password, TLS 1.3 and the upgrade, 20 ms of delay in each direction behind TCP's handshake."
    yield ""
    yield from table(["", "", "round trips, TCP's included", "ms"], rows)


def size_table(sizes):
    yield "Stripped size; leat's holds its mbedTLS, the others need OpenSSL besides; Beast is headers, so its driver."
    yield ""
    yield from table(["", "KiB"], [[name, f"{size / 1024:.0f}"] for name, size in sizes.items()])


def target_value(results, target):
    """The number to be judged, and what it was held against."""
    if not target.peer:
        return results.median(target.work, "leat", target.metric), ""
    peer = results.best_peer(target.work, target.metric) if target.peer == BEST else target.peer
    if not peer:
        return None, target.peer
    value = results.ratio(target.work, target.metric, "leat", peer, target.other)
    return value, f"{peer}, {target.other}" if target.other else peer


def verdict(results, target, value):
    missing = [peer.name for peer in PEERS if not (peer.slow or peer.limit)
               and not results.median(target.work, peer.name, target.metric)
               and (target.work, peer.name) not in results.remarks]
    if target.peer == BEST and missing:
        return "not without " + ", ".join(missing)
    return is_reached(value, target.at_most)


def is_reached(value, at_most):
    return "yes" if value <= at_most else "NO"


def target_table(results, flights, sizes):
    rows = []
    for target in TARGETS:
        value, other = target_value(results, target)
        if value is not None:
            rows.append([f"{target.work}: {target.metric}", other, number(target.at_most), number(value),
                         verdict(results, target, value)])
    for opening in OPENINGS:
        found = flights.get(opening.name, {}).get("leat")
        if found:
            rows.append([f"opening {opening.name}: round trips", "", number(opening.at_most),
                         str(found["round_trips"]), is_reached(found["round_trips"], opening.at_most)])
    if "leat" in sizes:
        rows.append(["stripped library, KiB", "", number(SIZE_AT_MOST / 1024), number(sizes["leat"] / 1024),
                     is_reached(sizes["leat"], SIZE_AT_MOST)])
    yield from table(["to reach", "against", "at most", "here", "reached"], rows)


def listed(title, lines):
    yield title
    yield ""
    yield from (f"- {line}" for line in lines)


def measured_with(conditions):
    return "Measured with " + ", ".join(f"{key} {value}" for key, value in conditions.items()) + "."


def markdown(results, works, flights, sizes, conditions):
    remarks = sorted({f"{peer}: {why}" for (_, peer), why in results.remarks.items()})
    sections = [
        ("", [measured_with(conditions)]),
        ("To reach", target_table(results, flights, sizes)),
        ("Messages and connections", message_table(results, works)),
        ("Throughput", speed_table(results, works)),
        ("Idle connections", idle_table(results, works)),
        ("Opening", flight_table(flights) if flights else ()),
        ("Size", size_table(sizes) if sizes else ()),
        ("What has no number", listed("Where there is none:", remarks) if remarks else ()),
        ("The server", listed("Where the server was busier than the client:", results.notes) if results.notes else ()),
    ]
    parts = []
    for title, lines in sections:
        lines = list(lines)
        if lines and lines[-1]:
            parts.append("\n".join(([f"### {title}", ""] if title else []) + lines))
    return "\n\n".join(parts) + "\n"


BEGIN, END = "<!-- results: script/bench --update-docs writes what follows -->", "<!-- end of the results -->"


def marks(name):
    """Around the results of script/bench --NAME."""
    return f"<!-- {name}: script/bench --{name} --update-docs writes what follows -->", f"<!-- end of {name} -->"


def replace_results(page, text, around=(BEGIN, END)):
    """The page with other results."""
    begin, end = around
    before, rest = page.split(begin)
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{rest.split(end)[1]}"


PLOT = """
set terminal svg size 1100,520 font "sans,12" background "#ffffff"
set output "{output}"
set title "client CPU per message, as a multiple of leat's"
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.85 border -1
set boxwidth 0.9
set logscale y
set grid ytics
set key outside right
set xtics rotate by -20 font "sans,10"
set datafile missing "-"
set yrange [0.1:*]
plot for [i=2:{columns}] "{data}" using i:xtic(1) title columnheader(i)
"""

PLOTTED = ("64 B, 1 in flight, ws", "64 B, 128 in flight, ws", "64 B, 128 in flight, wss", "64 KiB binary, 4 in flight, ws",
           "1 MiB binary, 4 in flight, ws", "1 MiB text, 4 in flight, ws", "1 MiB binary, 4 in flight, wss",
           "open and close, wss, full", "open and close, wss, resumed")


def plot(results, folder, output):
    names = results.names()
    lines = ["work " + " ".join(names)]
    for work in PLOTTED:
        if not results.median(work, "leat", "cpu_us_per_message"):
            continue
        ratios = (results.ratio(work, "cpu_us_per_message", name, "leat") for name in names)
        lines.append(f'"{work}" ' + " ".join(f"{ratio:.4f}" if ratio else "-" for ratio in ratios))
    data = folder / "plot.dat"
    data.write_text("\n".join(lines) + "\n")
    script = PLOT.format(output=output, data=data, columns=len(names) + 1)
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
