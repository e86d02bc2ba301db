/// What a worker does about a failure of a port.
public enum Disposition: Sendable {
  /// Wait with back-off and try again: the server is away or busy.
  case retry
  /// This record can't be handled; set it aside and go on.
  case deadLetter
  /// The store may have lost acknowledged writes: drop the batch, compare what it knows of each partition, rebuild from the source.
  case rebuild
  /// Stop the process: going on would break a guarantee, or can't help.
  case halt
}

/// A port's failure. Each module has one exhaustive enum; its own switch says what each case asks for, and the worker
/// obeys without knowing the module. `description` tells an operator what happened, where, and what to do.
public protocol PortFailure: Error, CustomStringConvertible {
  /// What the worker does about it.
  var disposition: Disposition { get }
}

/// What a source says after handing over a batch.
public enum SourceState: Sendable, Equatable {
  /// More may come.
  case open
  /// The group wants partitions back: the worker finishes the batch and commits without anything pending, which gives them up.
  case yielding
  /// Nothing will come: the files are read, or the topic is drained to its end.
  case ended
}

/// What changed in the partitions that a source reads.
public struct PartitionChanges: Sendable, Equatable {
  /// Slots that it reads from now on.
  public var assigned: [Int32] = []
  /// Slots that it no longer reads: what is in RAM of their sessions is to be dropped.
  public var gone: [Int32] = []

  /// No changes.
  public init() {}

  /// True where nothing changed.
  public var isEmpty: Bool { assigned.isEmpty && gone.isEmpty }
}

/// Where events come from: Kafka partitions or files.
public protocol EventSource: ~Copyable {
  /// What can go wrong.
  associatedtype Failure: PortFailure

  /// Fills an emptied `batch`: waits at most `milliseconds` for the first record, then takes what is there without
  /// waiting, until the batch is full. Records that are not events are added as rejections.
  mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(Failure) -> SourceState

  /// Says that everything handed over so far has been stored and its predictions acknowledged, but for `pending`: events of the
  /// last batch, in its order, from the first one that has not. Nothing from a pending event on is committed in its partition.
  ///
  /// True where all of that is committed now. False where it was refused for now: the pending events must be dropped then, the
  /// source hands them over again where they are still its own; the rest is committed with the next call.
  mutating func commit(except pending: ArraySlice<Event>) throws(Failure) -> Bool

  /// What changed since the last call, to be asked after each take. Records of an assigned partition come with a take after the
  /// one that this tells of it, not before ``reconcile(_:)``.
  mutating func takeChanges() -> PartitionChanges

  /// All partitions that it reads now.
  var assigned: [Int32] { get }

  /// Takes back what was handed over and is not committed, and compares what the store knows of `marks`' partitions with what
  /// it has itself. Where the store may lack records (nothing known, or not trusted), the partition is read again from before:
  /// those records come with ``Event/isStateOnly`` until the committed offset is reached. A mark beyond the partition's end is a
  /// failure: another topic with the same name.
  mutating func reconcile(_ marks: [PartitionMark]) throws(Failure)
}

/// Sources that have no partitions to come and go: files.
extension EventSource where Self: ~Copyable {
  /// Nothing ever changes.
  public mutating func takeChanges() -> PartitionChanges { PartitionChanges() }
  /// None.
  public var assigned: [Int32] { [] }
  /// There is nothing to compare.
  public mutating func reconcile(_ marks: [PartitionMark]) throws(Failure) {}
}

/// Turns a record's bytes into an event of a batch, or into a rejection: whatever the bytes are, it does not fail.
public protocol RecordDecoder: ~Copyable {
  /// What it says of a record, for those who want to know; sources don't.
  associatedtype Outcome = Void

  /// Decodes the value `record` with its `key` (empty where there is none), copying what it needs into `batch`.
  /// `recordTime` is the record's own timestamp, nil where it has none.
  @discardableResult mutating func decode(
    _ record: Span<UInt8>, key: Span<UInt8>, origin: Origin, recordTime: EventTime?, into batch: inout EventBatch
  ) -> Outcome

  /// True where ``decode(_:key:headers:origin:recordTime:into:)`` is to be called, with the record's headers.
  var wantsHeaders: Bool { get }

  /// The same for a record with `headers`.
  @discardableResult mutating func decode(
    _ record: Span<UInt8>, key: Span<UInt8>, headers: RecordHeaderView, origin: Origin, recordTime: EventTime?,
    into batch: inout EventBatch
  ) -> Outcome
}

/// Decoders for records whose headers say nothing.
extension RecordDecoder where Self: ~Copyable {
  /// False: nobody needs to copy them.
  public var wantsHeaders: Bool { false }

  /// Decodes the record without them.
  @discardableResult public mutating func decode(
    _ record: Span<UInt8>, key: Span<UInt8>, headers: RecordHeaderView, origin: Origin, recordTime: EventTime?,
    into batch: inout EventBatch
  ) -> Outcome {
    decode(record, key: key, origin: origin, recordTime: recordTime, into: &batch)
  }
}

/// Where sessions' sequences are kept: Redis, or memory with the same contract.
public protocol SessionStore: ~Copyable {
  /// What can go wrong.
  associatedtype Failure: PortFailure

  /// Reads the sessions whose ids are `keys` of `bytes`, in one round trip, into an emptied `readout`:
  /// `readout.sessions[i]` is what stands under `keys[i]`.
  mutating func read(_ keys: [ByteRange], of bytes: [UInt8], into readout: inout SessionReadout)
    throws(Failure)

  /// Compare and append, in one round trip: applies a session's events, marks and prediction, all of them, where its last
  /// stored event is the expected one, else nothing. `outcomes` (emptied before) gets one entry a session.
  ///
  /// Throws a failure whose disposition is ``Disposition/rebuild``, before anything is written, where the server is not the one that
  /// ``marks(of:)`` was last asked of (restarted, failed over, emptied).
  mutating func append(_ appends: borrowing SessionAppends, into outcomes: inout AppendOutcomes)
    throws(Failure)

  /// What is known of `partitions` as a whole, in their order. From now on the server that answered is the one that appends go to.
  ///
  /// Throws a failure whose disposition is ``Disposition/rebuild`` where the server is not the one that it was last asked of and nobody
  /// was told: the partitions that were asked for then need a comparison too, so all of them are to be asked for.
  mutating func marks(of partitions: [Int32]) throws(Failure) -> [PartitionMark]
}

/// Where predictions go: a Kafka topic, or a file.
public protocol PredictionSink: ~Copyable {
  /// What can go wrong.
  associatedtype Failure: PortFailure

  /// Sends predictions of `events`, some or all; waits where its queue is full.
  mutating func publish(_ predictions: borrowing PredictionBatch, of events: borrowing EventBatch)
    throws(Failure)

  /// Sets `rejections` of `events` aside, some or all, each with its reason and origin; waits where its queue is full.
  mutating func reject(_ rejections: [Rejection], of events: borrowing EventBatch) throws(Failure)

  /// Returns when everything published so far is acknowledged.
  mutating func flush() throws(Failure)
}

/// Turns a prediction into the bytes that leave the process, the same for topic, Redis and file.
public protocol PredictionEncoder: ~Copyable {
  /// Says that predictions of a batch follow: the moment that they are stamped with, where they carry one.
  mutating func begin()

  /// Appends the encoded `prediction` of `event` to `bytes`. `items` are its scored items' arena, `eventBytes` the event's.
  mutating func encode(
    _ prediction: Prediction, items: [ScoredItem], of event: Event, eventBytes: [UInt8],
    into bytes: inout [UInt8])
}

/// Encoders that write no moment.
extension PredictionEncoder where Self: ~Copyable {
  /// Nothing to do.
  public mutating func begin() {}
}
