/// The ways to call the program, as its help shows them.
extension Grammar {
  static let general: [Option] = [
    Option(name: "help", short: "h", help: "show this"),
    Option(name: "usage", help: "show the options in short"),
    Option(name: "version", short: "V", help: "show the version"),
  ]

  static let main = Grammar(
    program: "intentd",
    operands: [
      "--config FILE", "--embedded --model DIR", "--replay FILE... --model DIR",
      "--replay FILE... --to kafka --config FILE",
      "--replay topic:NAME --config FILE", "train FILE... --out DIR", "inspect DIR", "config check", "demo",
    ],
    summary: """
      Turns a stream of clicks into next-item predictions, session by session.

      With --config, it reads clicks from Kafka and serves predictions to Kafka and Redis until it is asked to end. With \
      --embedded, broker and sessions live in the process. With --replay, it predicts files, or reads a \
      topic again and predicts what was predicted live; with --replay and --to kafka, it sends files to the topic of clicks. \
      With train, it makes a model of files of clicks.
      """,
    notes: """
      Examples:

        intentd demo
        intentd train clicks.tsv.gz --out model
        intentd --config /etc/intentd.yaml
        intentd --config /etc/intentd.yaml --from -2h
        intentd --config /etc/intentd.yaml --rebuild-state --since -24h
        intentd --embedded --model model
        intentd --replay clicks.tsv.gz --model model --output predictions.jsonl
        intentd --replay test.csv --model model --evaluate \\
            --columns session=sid,item=sku,time=ts --baseline-train train.csv
        intentd --replay test.tsv --evaluate --baselines all --baseline-train train.tsv
        intentd --replay clicks.tsv.gz --to kafka --speed 10x --config /etc/intentd.yaml
        intentd --replay topic:clicks --since -24h --warm-up 24h --config /etc/intentd.yaml --output predictions.jsonl
        intentd config check --config /etc/intentd.yaml
        intentd inspect model --session "tent,stove" --top-k 5

      intentd train --help, intentd inspect --help, intentd config --help and intentd demo --help say more of these.

      Durations are 250ms, 2s, 5m, 24h, 7d. Times are earliest, -24h (before now), 2026-11-21T10:00:00Z, or milliseconds \
      since 1970. Settings may come from the environment: INTENTD_CONFIG, INTENTD_MODEL, and INTENTD_SECTION_KEY for each \
      key of the configuration, or INTENTD_SECTION_KEY_FILE with the path of a file that holds the value.

      Exit status: 0 done, 1 failed, 64 wrong usage.
      """,
    options: [
      Option(
        name: "config", short: "c", argument: "FILE",
        help: "serve as this configuration says; with --replay, reach Kafka and predict as it says", heading: "Serve:"),
      Option(name: "embedded", help: "serve with a broker inside the process and sessions in memory"),
      Option(
        name: "from", argument: "TIME",
        help:
          "first set the group's offsets: earliest, latest, -2h, or a time such as 2026-01-31T12:00:00Z; the group must have no members"
      ),
      Option(
        name: "rebuild-state",
        help: "read partitions again from --since on, up to their committed offsets, to rebuild what Redis holds"),
      Option(
        name: "since", argument: "TIME",
        help: "where rebuilding, or the replay of a topic (earliest), begins: earliest, -24h, or a time"),
      Option(
        name: "replay", short: "r", argument: "FILE...",
        help: "predict the events of files (- is standard input; .gz is read), or of a topic: topic:NAME",
        heading: "Replay:"),
      Option(
        name: "output", short: "o", argument: "FILE",
        help: "where predictions go, a JSON object a line (- is standard output, the default without --evaluate)"),
      Option(name: "top-k", short: "k", argument: "N", help: "items in a prediction (20)"),
      Option(
        name: "format", short: "f", argument: "FORMAT",
        help:
          "auto (the default), gru4rec, tsv, csv, jsonl, sequences, yoochoose, retailrocket, diginetica, sasrec, native, metarank, segment, ga4"
      ),
      Option(name: "columns", argument: "NAMES", help: "names of columns: session=…,item=…,time=…,user=…,type=…"),
      Option(
        name: "idle-timeout", argument: "TIME",
        help: "a gap above this begins a new visit (24h; 30m where visits are cut from user ids)"),
      Option(name: "order", argument: "ORDER", help: "take events in the order of the file (the default) or by time"),
      Option(
        name: "exclude", argument: "ITEMS",
        help:
          "leave out of a prediction: none (the default), last, seen (in the newest events, as served live), or for evaluations seen-all"
      ),
      Option(name: "limit", argument: "N", help: "stop after so many events"),
      Option(name: "speed", argument: "SPEED", help: "max (the default), or times the events' own: 1x, 10x"),
      Option(name: "batch", argument: "N", help: "events that are worked on together (1024)"),
      Option(name: "strict", help: "stop at the first line that is no event"),
      Option(
        name: "to", argument: "kafka",
        help: "send the files' events to the topic of clicks of the configuration; nothing is predicted",
        heading: "Replay to or from Kafka:"),
      Option(name: "until", argument: "TIME", help: "where it ends (what is the end when it begins)"),
      Option(
        name: "warm-up", argument: "DURATION",
        help: "read so much more before --since, for the sessions alone: their predictions are not written (0s)"),
      Option(
        name: "evaluate", short: "e", help: "hold predictions against what came next: HR, MRR, NDCG",
        heading: "Evaluate a replay:"),
      Option(
        name: "targets", argument: "WHICH",
        help: "all (the default): each event after a session's first; last: its last"),
      Option(
        name: "baselines", argument: "NAMES",
        help:
          "all, or names with commas between: popularity, markov (the default is these two), item-knn, sequential-rules, vmis-knn; without --model they are evaluated alone"
      ),
      Option(
        name: "baseline-train", argument: "FILE",
        help: "learn baselines from this file, and show them beside the model"),
      Option(name: "report", argument: "FILE", help: "write the evaluation as JSON"),
      Option(name: "model", short: "m", argument: "DIR", help: "the model directory", heading: "Serve and replay:"),
      Option(
        name: "workers", short: "w", argument: "N", help: "worker threads (one a core)"),
      Option(
        name: "log-level", argument: "LEVEL", help: "trace, debug, info (the default), notice, warning, error, critical"
      ),
      logFormat,
    ] + general)

  private static let logFormat = Option(
    name: "log-format", argument: "FORMAT",
    help: "text, json, or auto (the default): text on a terminal, JSON elsewhere; serving only")

  static let config = Grammar(
    program: "intentd config", operands: ["check"],
    summary: """
      Reads the configuration as serving would, checks it, and prints every key with its value and where it came from. Secrets \
      are masked. Asks no server.
      """,
    notes: """
      Example:

        intentd config check --config /etc/intentd.yaml

      Exit status: 0 valid, 1 not valid, 64 wrong usage.
      """,
    options: [
      Option(name: "config", short: "c", argument: "FILE", help: "the configuration file"),
      Option(name: "embedded", help: "check what serving with a broker inside the process would take"),
      Option(name: "model", short: "m", argument: "DIR", help: "the model directory"),
      Option(name: "workers", short: "w", argument: "N", help: "worker threads"),
      Option(name: "log-level", argument: "LEVEL", help: "least level that is logged"),
      logFormat,
    ] + general)

  static let inspect = Grammar(
    program: "intentd inspect", operands: ["DIR", "session ID --config FILE"],
    summary: "Reads a model directory, checks it, and says what it is; or shows what Redis holds of a session.",
    notes: """
      Example:

        intentd inspect model --session "tent,stove" --top-k 5
        intentd inspect session s-81 --config intentd.yaml
      """,
    options: [
      Option(
        name: "session", short: "s", argument: "ITEMS",
        help: "predict the next items of this session: ids, with commas between"),
      Option(name: "top-k", short: "k", argument: "N", help: "items in the prediction (20)"),
      Option(name: "logits", help: "show scores with all their digits"),
    ] + general)

  static let inspectSession = Grammar(
    program: "intentd inspect session", operands: ["ID"],
    summary:
      "Shows what Redis holds of a session: its events, how far each partition was applied, its latest prediction.",
    notes: """
      Example:

        intentd inspect session s-81 --config intentd.yaml

      Exit status: 0 done, 1 failed or no such session, 64 wrong usage.
      """,
    options: [
      Option(name: "config", short: "c", argument: "FILE", help: "the daemon's configuration: it says where Redis is"),
      Option(name: "json", help: "as one JSON object"),
    ] + general)

  static let demo = Grammar(
    program: "intentd demo", operands: [],
    summary:
      "Shows a small shop live: clicks, predictions, hits, and how popularity would have done. Needs no broker, no Redis, no model.",
    notes: """
      Example:

        intentd demo --clicks 2000 --seed 7
      """,
    options: [
      Option(name: "clicks", argument: "N", help: "stop after so many clicks"),
      Option(name: "seed", argument: "N", help: "another shop with other visitors (1)"),
    ] + general)
}
