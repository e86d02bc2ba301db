/// The command line of `intentd train`, as its help shows it.
extension Grammar {
  static let train = Grammar(
    program: "intentd train", operands: ["FILE... --out DIR"],
    summary: """
      Trains a model on files of clicks and writes a model directory that intentd serves. (- is standard input; .gz is read.)

      Sessions at the end of the data are held out, the epoch that predicts them best is found, and the model is trained again \
      on everything for so many epochs.
      """,
    notes: """
      Examples:

        intentd train clicks.tsv.gz --out model
        intentd train clicks.csv --columns session=sid,item=sku,time=ts --out model --preset best
        intentd train clicks.jsonl --out model --tune 20 --tune-budget 2h --report training.json
        intentd train ratings.txt --format sequences --max-length 200 --loss gbce --out model
        intentd train today.tsv --continue model --replay-older last-month.tsv --out model-2

      Then: intentd --replay later.tsv --model model --evaluate

      Options override what the preset says. The same data, settings, seed and number of threads give the same weights. \
      SIGINT and SIGTERM end a training so that --resume goes on where it was.

      Exit status: 0 done, 1 failed, 64 wrong usage, 130 or 143 ended by a signal.
      """,
    options: dataOptions + runOptions + modelOptions + optimisationOptions + general)

  private static let dataOptions = [
    Option(
      name: "out", short: "o", argument: "DIR", help: "the model directory that is written; a model there is replaced",
      heading: "Data:"),
    Option(
      name: "format", short: "f", argument: "FORMAT",
      help:
        "auto (the default), gru4rec, tsv, csv, jsonl, sequences, yoochoose, retailrocket, diginetica, sasrec, native, metarank, segment, ga4"
    ),
    Option(name: "columns", argument: "NAMES", help: "names of columns: session=…,item=…,time=…,user=…,type=…"),
    Option(
      name: "idle-timeout", argument: "TIME",
      help: "a gap above this begins a new session (24h; 30m where sessions are cut from user ids)"),
    Option(
      name: "order", argument: "ORDER",
      help: "take a session's events by time (the default) or in the order of the file"),
    Option(name: "limit", argument: "N", help: "stop reading after so many events"),
    Option(name: "strict", help: "stop at the first line that is no event"),
    Option(name: "min-item-support", argument: "N", help: "leave out items with fewer events (1)"),
    Option(name: "min-session-length", argument: "N", help: "leave out sessions with fewer events (2)"),
    Option(
      name: "items-metadata", argument: "FILE",
      help: "a JSON object a line with id, title, category and what else there is of an item; kept in items.jsonl"),
    Option(name: "name", argument: "NAME", help: "name of the model (the directory's)"),
    Option(name: "model-version", argument: "TEXT", help: "version of the model (the time of its last event)"),
  ]

  private static let runOptions = [
    Option(
      name: "preset", short: "p", argument: "PRESET", help: "fast, good (the default), best", heading: "Training:"),
    Option(
      name: "validation", argument: "PART",
      help:
        "what is held out: a duration (1d), a share of the sessions (10%), leave-one-out, none, or auto (the default): 1d, 10%, or leave-one-out without times"
    ),
    Option(name: "no-refit", help: "write the best model of the training part; don't train again on everything"),
    Option(name: "tune", argument: "N", help: "try N settings around the preset first, and take the best"),
    Option(name: "tune-budget", argument: "DURATION", help: "stop trying after so long"),
    Option(name: "resume", help: "go on with a training that was interrupted"),
    Option(
      name: "continue", argument: "DIR", help: "begin with this model and its catalogue; new items are added to it"),
    Option(
      name: "replay-older", argument: "FILE",
      help: "with --continue: older clicks, of which a sample is trained on too; may be given again"),
    Option(name: "replay-share", argument: "N", help: "windows of that sample for each new one (2.5)"),
    Option(name: "report", argument: "FILE", help: "write figures and curves as JSON, and a picture of them beside it"),
    Option(name: "plot", argument: "FILE", help: "write the picture there (SVG)"),
    Option(
      name: "memory", argument: "SIZE",
      help: "refuse what would need more memory, such as 4GiB (what the machine or the container has)"),
    Option(name: "threads", short: "w", argument: "N", help: "threads (one a core, 16 at most)"),
    Option(name: "seed", argument: "N", help: "other weights, order, dropout and negatives (1)"),
    Option(name: "quiet", short: "q", help: "say only what went wrong"),
  ]

  private static let modelOptions = [
    Option(name: "arch", short: "a", argument: "MODEL", help: "sasrec (the default), gru4rec, lstm", heading: "Model:"),
    Option(
      name: "max-length", argument: "L",
      help: "longest window of events that the model sees (20, 50, 100 or 200, by how long sessions are)"),
    Option(name: "hidden-size", argument: "D", help: "sasrec: hidden size"),
    Option(name: "blocks", argument: "N", help: "sasrec: blocks"),
    Option(name: "heads", argument: "N", help: "sasrec: attention heads"),
    Option(name: "ffn-size", argument: "N", help: "sasrec: width of the feed-forward network (4 D)"),
    Option(name: "positions", argument: "KIND", help: "sasrec: start (the default), rotary"),
    Option(name: "layers", argument: "SIZES", help: "gru4rec, lstm: units of each layer, such as 128 or 128,128"),
    Option(
      name: "embedding-size", argument: "N", help: "gru4rec, lstm: size of the item embeddings (the last layer's)"),
    Option(
      name: "no-projection",
      help: "gru4rec, lstm: no linear map between the last layer and the embeddings, where their sizes allow that"),
    Option(name: "item-bias", help: "a bias for each item in the scores"),
    Option(
      name: "loss", short: "l", argument: "LOSS",
      help:
        "softmax (the default; sampled-softmax above 100000 items), sampled-softmax, gbce, batch-softmax, bpr-max",
      heading: "Loss:"),
    Option(
      name: "negatives", argument: "N",
      help: "with a --loss that samples: for each group of rows, or each step (256; 1024 above 100000 items)"),
    Option(
      name: "sample-alpha", argument: "A",
      help: "they are drawn by clicks^A: 0 uniformly, 1 by popularity (0.5; gbce draws uniformly)"),
    Option(
      name: "logq", argument: "X",
      help: "sampled-softmax, batch-softmax: how far scores are corrected for how often they are drawn, 0 to 1 (1)"),
    Option(name: "calibration", argument: "T", help: "gbce: 0 is plain cross-entropy, 1 fully calibrated (0.75)"),
    Option(name: "score-regularisation", argument: "X", help: "bpr-max: weight of the negatives' scores (1)"),
    Option(name: "label-smoothing", argument: "E", help: "softmax: share of the target spread over all items (0)"),
  ]

  private static let optimisationOptions = [
    Option(
      name: "batching", argument: "KIND", help: "windows (the default), session-parallel (gru4rec, lstm)",
      heading: "Optimisation:"),
    Option(
      name: "batch-size", short: "b", argument: "N",
      help: "windows, or lanes, of a step (128; 32 where sessions have more than 50 events)"),
    Option(name: "epochs", short: "e", argument: "N", help: "epochs at most (4 with --continue)"),
    Option(name: "patience", argument: "N", help: "epochs without a better validation before it stops; 0 for never"),
    Option(
      name: "select-by", argument: "FIGURE",
      help:
        "what the best epoch has most of: both (HR@20 and MRR@20, the default), hr@20, mrr@20, ndcg@10 (the default with leave-one-out)"
    ),
    Option(name: "optimizer", argument: "NAME", help: "adamw (the default), adagrad"),
    Option(name: "learning-rate", argument: "X", help: "after the warm-up"),
    Option(name: "schedule", argument: "KIND", help: "cosine (the default), constant"),
    Option(name: "warm-up", argument: "SHARE", help: "share of the steps in which the learning rate rises (0.05)"),
    Option(name: "weight-decay", argument: "X", help: "decoupled weight decay (0.01)"),
    Option(name: "momentum", argument: "X", help: "adagrad: momentum (0)"),
    Option(name: "clip-norm", argument: "X", help: "largest norm of the gradients; 0 for no limit (5)"),
    Option(name: "dropout", argument: "P", help: "of embeddings and of what layers put out"),
    Option(name: "embedding-dropout", argument: "P", help: "of embeddings (--dropout's)"),
    Option(name: "averaging", argument: "DECAY", help: "moving average of the weights, such as 0.999; 0 for none"),
  ]
}
