// Command monitor reads the monitoring pages of a gateway into the structures of nats-server, as nats-top does, and complains
// of everything that does not fit: a wrong type, a field that nats-server does not have.
//
// It prints the numbers that it has read as JSON.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// The pages, with the structure that each is read into. The query of connz is that of nats-top.
var (
	varz      server.Varz
	connz     server.Connz
	connzAll  server.Connz
	subsz     server.Subsz
	routez    server.Routez
	gatewayz  server.Gatewayz
	leafz     server.Leafz
	accountz  server.Accountz
	accstatz  server.AccountStatz
	jsz       server.JSInfo
	healthz   server.HealthStatus
	allOfThem = []struct {
		page string
		into any
	}{
		{"varz", &varz},
		{"connz?limit=1024&sort=cid&subs=1", &connz},
		{"connz?state=any&subs=detail&auth=1&sort=last", &connzAll},
		{"subsz?subs=1", &subsz},
		{"routez", &routez},
		{"gatewayz", &gatewayz},
		{"leafz", &leafz},
		{"accountz?acc=$G", &accountz},
		{"accstatz?unused=1", &accstatz},
		{"jsz", &jsz},
		{"healthz?js-enabled-only=true", &healthz},
	}
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: monitor URL")
		os.Exit(2)
	}
	for _, one := range allOfThem {
		if err := read(os.Args[1]+"/"+one.page, one.into); err != nil {
			fmt.Fprintf(os.Stderr, "/%s: %v\n", one.page, err)
			os.Exit(1)
		}
	}
	if err := check(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	numbers := map[string]int64{
		"in_msgs":         varz.InMsgs,
		"out_msgs":        varz.OutMsgs,
		"in_bytes":        varz.InBytes,
		"out_bytes":       varz.OutBytes,
		"connections":     int64(varz.Connections),
		"num_connections": int64(connz.NumConns),
		"known":           int64(len(connzAll.Conns)),
		"subscriptions":   int64(len(subsz.Subs)),
	}
	if err := json.NewEncoder(os.Stdout).Encode(numbers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(url string, into any) error {
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %s", response.StatusCode, body)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// What tools calculate with.
func check() error {
	for _, connection := range connzAll.Conns {
		if _, err := time.ParseDuration(connection.RTT); err != nil {
			return fmt.Errorf("rtt of connection %d: %w", connection.Cid, err)
		}
		if connection.Start.IsZero() || connection.LastActivity.Before(connection.Start) {
			return fmt.Errorf("connection %d was active before it began", connection.Cid)
		}
	}
	if varz.PingInterval < time.Millisecond || varz.WriteDeadline < time.Millisecond {
		return fmt.Errorf("durations are not in nanoseconds: %v, %v", varz.PingInterval, varz.WriteDeadline)
	}
	if age := time.Since(varz.Start); age < 0 || age > time.Hour {
		return fmt.Errorf("started %v ago", age)
	}
	if healthz.Status != "ok" {
		return fmt.Errorf("not healthy: %s", healthz.Error)
	}
	return nil
}
