public import Events
import Formats
private import Foundation

/// Where a file's events are sent.
public protocol EventSink: ~Copyable {
  /// What can go wrong.
  associatedtype Failure: PortFailure

  /// Sends all events of `batch`; waits where its queue is full.
  mutating func send(_ batch: borrowing EventBatch) throws(Failure)

  /// Returns when everything sent so far is acknowledged.
  mutating func flush() throws(Failure)
}

/// What a feed read and sent.
public struct FeedReport: Sendable {
  /// What was read.
  public var input: ReplayReport.Input
  /// Seconds from the beginning until everything was acknowledged.
  public var seconds: Double
}

/// Sends the events of files somewhere, in real time, faster, or as fast as it goes. One batch is in memory at a time.
public struct FileFeed: ~Copyable {
  private let options: ReplayOptions
  private let progress: (Int, Double) -> Void
  private var events = 0

  /// A feed of `options`' files, in their order, at their speed. `progress` is told events and seconds, ten times a second.
  public init(_ options: ReplayOptions, progress: @escaping (Int, Double) -> Void = { _, _ in }) {
    self.options = options
    self.progress = progress
  }

  /// Sends everything to `sink`.
  public mutating func run(_ sink: inout some EventSink & ~Copyable) throws(ReplayFailure) -> FeedReport {
    let source: FileEventSource
    do throws(FormatsFailure) {
      source = try options.source(PartitionTable())
    } catch {
      throw .reading(error)
    }
    switch options.order {
    case .file: return try run(source, &sink)
    case .time: return try run(TimeOrderedEventSource(source), &sink)
    }
  }

  private mutating func run<Source: ReplaySource & ~Copyable, Sink: EventSink & ~Copyable>(
    _ source: consuming Source, _ sink: inout Sink
  ) throws(ReplayFailure) -> FeedReport {
    let began = ContinuousClock.now
    var lastProgress = began
    var pace = ReplayPace(speed: options.speed)
    // In real time there is nothing to read ahead.
    var batch = EventBatch(capacity: options.speed == nil ? Limits.batchEvents : 1)
    var state = SourceState.open
    var failure: ReplayFailure?
    while state == .open, failure == nil {
      batch.removeAll()
      do throws(Source.Failure) {
        state = try source.take(into: &batch, milliseconds: 1000)
      } catch {
        // What came before the line that can't be read is sent all the same.
        failure = .reading(error)
      }
      if let event = batch.events.first { pace.wait(for: event.time) }
      do throws(Sink.Failure) {
        try sink.send(batch)
      } catch {
        throw .sending(error)
      }
      events += batch.events.count
      guard ContinuousClock.now - lastProgress >= .milliseconds(100) else { continue }
      lastProgress = ContinuousClock.now
      progress(events, (lastProgress - began) / .seconds(1))
    }
    do throws(Sink.Failure) {
      try sink.flush()
    } catch {
      throw .sending(error)
    }
    if let failure { throw failure }
    return FeedReport(input: source.input, seconds: (ContinuousClock.now - began) / .seconds(1))
  }
}
