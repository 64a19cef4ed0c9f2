// SPDX-License-Identifier: Apache-2.0

// Go's gorilla/websocket, by ReadMessage and WriteMessage. The same arguments and the same line as the other drivers.
package main

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

const unsupported = 3

var (
	kind        = flag.String("work", "", "")
	url         = flag.String("url", "", "")
	size        = flag.Int("size", 64, "")
	count       = flag.Int("count", 1, "")
	inFlight    = flag.Int("in-flight", 1, "")
	connections = flag.Int("connections", 1, "")
	text        = flag.Bool("text", false, "")
	ca          = flag.String("ca", "", "")
	proxy       = flag.String("proxy", "", "")
	resume      = flag.Bool("resume", false, "")
	compress    = flag.Bool("compress", false, "")

	dialer  websocket.Dialer
	payload []byte
)

type meter struct {
	wall time.Time
	cpu  time.Duration
}

type spent struct{ wall, cpu time.Duration }

func cpuTime() time.Duration {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func now() meter { return meter{time.Now(), cpuTime()} }

func since(start meter) spent { return spent{time.Since(start.wall), cpuTime() - start.cpu} }

func must(err error) {
	if err != nil {
		log.Fatal("gorilla: ", err)
	}
}

func refuse(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(unsupported)
}

func kibOf(path, name string) int {
	data, err := os.ReadFile(path)
	must(err)
	found := regexp.MustCompile(name + `:\s*(\d+)`).FindSubmatch(data)
	if found == nil {
		return 0
	}
	value, _ := strconv.Atoi(string(found[1]))
	return value
}

func residentBytes() int {
	runtime.GC()
	return 1024 * kibOf("/proc/self/smaps_rollup", "Rss")
}

func perMessage(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(n) }

func report(s spent, messages int, more string) {
	seconds := s.wall.Seconds()
	fmt.Printf("client=gorilla version=%s wall_s=%.6f cpu_s=%.6f messages=%d cpu_us_per_message=%.4f messages_per_s=%.1f"+
		" mb_per_s=%.2f peak_kib=%d%s\n", runtime.Version(), seconds, s.cpu.Seconds(), messages, perMessage(s.cpu, messages),
		float64(messages)/seconds, float64(messages**size)/1e6/seconds, kibOf("/proc/self/status", "VmHWM"), more)
	os.Exit(0)
}

func open() *websocket.Conn {
	conn, _, err := dialer.Dial(*url, nil)
	must(err)
	return conn
}

func sendOne(conn *websocket.Conn) {
	kind := websocket.BinaryMessage
	if *text {
		kind = websocket.TextMessage
	}
	must(conn.WriteMessage(kind, payload))
}

func receiveOne(conn *websocket.Conn, anyLength bool) {
	_, data, err := conn.ReadMessage()
	must(err)
	if !anyLength && len(data) != *size {
		log.Fatal("gorilla: a message came back with another length")
	}
}

// Messages go over the connections in turn.
func echo(conns []*websocket.Conn, window int) {
	sent := 0
	for ; sent < window; sent++ {
		sendOne(conns[sent%len(conns)])
	}
	for received := 0; received < *count; received++ {
		receiveOne(conns[received%len(conns)], false)
		if sent < *count {
			sendOne(conns[sent%len(conns)])
			sent++
		}
	}
}

func closeOne(conn *websocket.Conn) {
	must(conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")))
	_, _, err := conn.ReadMessage()
	if !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		must(err)
	}
	conn.Close()
}

func idle() {
	before, start := residentBytes(), now()
	var conns []*websocket.Conn
	for i := 0; i < *connections; i++ {
		conns = append(conns, open())
	}
	connecting, after := since(start), residentBytes()
	start = now()
	echo(conns[:1], 1)
	one := since(start)
	start = now()
	echo(conns, 1)
	spread := since(start)
	// 0 = not known: Go's heap is no malloc's.
	report(connecting, *connections, fmt.Sprintf(" heap_per_connection=0 resident_per_connection=%d connect_us=%.3f"+
		" connect_cpu_us=%.3f echo_one_cpu_us=%.3f echo_spread_cpu_us=%.3f", (after-before) / *connections,
		perMessage(connecting.wall, *connections), perMessage(connecting.cpu, *connections), perMessage(one.cpu, *count),
		perMessage(spread.cpu, *count)))
}

func prepare() {
	if *proxy != "" {
		refuse("gorilla's SOCKS5 is of another module")
	}
	if *kind == "rate" {
		refuse("not measured at a rate")
	}
	if *inFlight > *count {
		*inFlight = *count
	}
	words := `{"key": "some text of the kind that is sent", "n": 1234567}, `
	payload = []byte(strings.Repeat(words, *size/len(words)+1))[:*size]
	if !*text {
		_, err := rand.Read(payload)
		must(err)
	}
	dialer.EnableCompression = *compress
	if *ca != "" {
		pem, err := os.ReadFile(*ca)
		must(err)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		dialer.TLSClientConfig = &tls.Config{RootCAs: roots}
		if *resume {
			dialer.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(0)
		}
	}
}

func main() {
	start := now()
	flag.Parse()
	prepare()
	switch *kind {
	case "idle":
		idle()
	case "open":
		for i := 0; i < *count; i++ {
			closeOne(open())
		}
	case "reach":
		for i := 1; i < *count; i++ {
			closeOne(open())
		}
		start = now()
		open()
	default:
		conn := open()
		if *kind == "start" {
			start.cpu = 0
		} else {
			start = now()
		}
		if *kind == "receive" {
			for i := 0; i < *count; i++ {
				receiveOne(conn, false)
			}
		} else if *kind == "send" {
			for i := 0; i < *count; i++ {
				sendOne(conn)
			}
			receiveOne(conn, true)
		} else {
			echo([]*websocket.Conn{conn}, *inFlight)
		}
	}
	report(since(start), *count, "")
}
