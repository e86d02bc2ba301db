public import Events

/// Sequences to encode side by side, each of a session of its own: one new item each (a step), or whole windows (a prefill).
/// Reused: after the first fill it allocates nothing.
public struct Wave: ~Copyable {
  /// Memory slot of each sequence.
  public private(set) var slots: [Int32] = []
  /// Position, in the window's known items, of each sequence's first item here; 0 begins a window.
  public private(set) var starts: [Int32] = []
  /// Items of all sequences, in order; all known.
  public private(set) var items: [ItemIndex] = []
  /// End of each sequence in ``items``.
  public private(set) var ends: [Int32] = []

  /// An empty wave.
  public init() {}

  /// Number of sequences.
  public var count: Int { slots.count }

  /// True where no sequence has more than one new item.
  public var isStep: Bool { items.count == slots.count }

  /// Begins a sequence in `slot` whose first item stands at position `start` of the window; its items follow.
  public mutating func begin(slot: Int, at start: Int) {
    slots.append(Int32(slot))
    starts.append(Int32(start))
    ends.append(Int32(items.count))
  }

  /// Adds a known item to the sequence begun last.
  public mutating func append(_ item: ItemIndex) {
    items.append(item)
    ends[ends.count - 1] = Int32(items.count)
  }

  /// Items of sequence `index` in ``items``.
  public func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index]) }

  /// Empties the wave and keeps its memory.
  public mutating func removeAll() {
    slots.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    items.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }
}

/// What a session costs in RAM.
public struct SessionMemoryLayout: Sendable, Equatable {
  /// Bytes of one page.
  public var pageBytes: Int
  /// Positions of a page: 16 for keys and values; a recurrent state is one page, whatever the length.
  public var positionsPerPage: Int
  /// Pages of a session at its longest window; 0 where nothing is kept (recompute mode).
  public var pagesPerSession: Int

  /// Pages that a window of `positions` known items needs.
  public func pages(for positions: Int) -> Int {
    pagesPerSession == 0 ? 0 : min(pagesPerSession, (positions + positionsPerPage - 1) / positionsPerPage)
  }

  /// Bytes of a session with `positions` known items in its window.
  public func bytes(for positions: Int) -> Int { pages(for: positions) * pageBytes }
}

/// A sequence model that advances by one step for each event, with the memory of its sessions. Belongs to one worker; the
/// weights are shared.
///
/// Bit for bit: what a sequence gets never depends on what shares its wave, nor on whether its window came step by step or in
/// one prefill, on the same kernel.
public protocol SequenceEncoder: AnyObject {
  /// What a session costs.
  var layout: SessionMemoryLayout { get }
  /// True where memory is kept and a step costs one item; false in recompute mode, where every wave holds whole windows.
  var isIncremental: Bool { get }
  /// Size of the hidden state, o.
  var hiddenSize: Int { get }
  /// Bytes that sessions' memories take now.
  var memoryInUse: Int { get }

  /// Makes room in `slot` for a window of `positions` known items; false where the byte budget has none left.
  func reserve(slot: Int, positions: Int) -> Bool
  /// Gives the memory of `slot` back.
  func release(slot: Int)
  /// Encodes the new items of every sequence, updates the memory of its slot (reserved before), and writes its hidden state after its last item
  /// to row i of `hidden` [sequences, o]. Every slot appears once.
  func encode(_ wave: borrowing Wave, into hidden: inout AlignedBuffer<Float>)
}

extension SequenceEncoder {
  /// One new item a session: h_t = f(h_{t−1}, x_t). Incremental encoders only.
  public func step(_ wave: borrowing Wave, into hidden: inout AlignedBuffer<Float>) {
    precondition(isIncremental && wave.isStep)
    encode(wave, into: &hidden)
  }

  /// Whole windows, each into an empty memory.
  public func prefill(_ wave: borrowing Wave, into hidden: inout AlignedBuffer<Float>) {
    for start in wave.starts { precondition(start == 0) }
    encode(wave, into: &hidden)
  }
}
