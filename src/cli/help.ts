/** The `help` subcommand: one screen of 24 lines and 80 columns. */

/** What `--help` prints. */
export const HELP = `nats-mqtt-gateway lets NATS clients work through an MQTT broker.

  nats-mqtt-gateway [serve] [flags]    run the gateway
  nats-mqtt-gateway check (also: -t) | print-config | healthcheck [--live]
  nats-mqtt-gateway map NAME           show what a subject becomes in MQTT; with
            [--reverse] [--profile P] [--escape-dollar] [--mountpoint M] a topic
  nats-mqtt-gateway users list | add NAME | change NAME | delete NAME |
            import FILE [--file FILE]     manage users (docs/authentication.md)
  nats-mqtt-gateway hash-password | version | help
  nats-mqtt-gateway -sl reload|ldm|term|quit|stop[=PID|PIDFILE]  docs/signals.md

  -c, --config FILE        JSON with comments; else ./config.json if it exists
  -a, --addr HOST, -p, --port PORT   the first tcp listener (127.0.0.1:4222)
      --tls --tlscert F --tlskey F [--tlsverify --tlscacert F]    TLS for it
  -m, --http_port PORT     monitoring, API, dashboard (127.0.0.1:8222)
      --upstream URL       the broker: mqtt://HOST:1883, mqtts://, ws://, wss://
      --upstream-username NAME, --upstream-password-file FILE
  -n, --name NAME, -P, --pid FILE    name shown to clients; file for process id
  -D, -V, -l, --log FILE   debug, trace, to FILE; --log-level L --log-format F
      --workers N          processes that serve clients; auto: one per core
      --set KEY=VALUE      any setting; as environment NATSMQTT_UPSTREAM__URL

Without a configuration, a small MQTT broker for trials runs in this process.
`;
