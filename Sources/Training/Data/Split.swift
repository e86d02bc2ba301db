public import Events

/// What is held out of the data to measure on while training.
public enum Validation: Sendable, Equatable, CustomStringConvertible {
  /// The last day, or the last tenth, or each session's last event: what suits the data.
  case automatic
  /// Sessions whose last event lies in the last so many milliseconds.
  case last(milliseconds: Int64)
  /// The last share of sessions, by the time of their last event.
  case share(Double)
  /// The last event of each session.
  case leaveOneOut
  /// Nothing.
  case none

  /// As the command line has it.
  public var description: String {
    switch self {
    case .automatic: "auto"
    case .last(let milliseconds):
      milliseconds % 86_400_000 == 0
        ? "\(milliseconds / 86_400_000)d"
        : milliseconds % 3_600_000 == 0 ? "\(milliseconds / 3_600_000)h" : "\(milliseconds / 1000)s"
    case .share(let share): "\(share * 100)%".replacing(".0%", with: "%")
    case .leaveOneOut: "leave-one-out"
    case .none: "none"
    }
  }
}

/// The data in two parts: what is trained on, with a catalogue of its own items alone, and what is held out.
public struct DataSplit: Sendable {
  /// How it was split; never ``Validation/automatic``.
  public var validation: Validation
  /// What is trained on, in rows of the smaller catalogue.
  public var training: SessionTable
  /// Rows of the data's catalogue that the training part has (or the model that is continued), ascending: row r of the split is row `rows[r]` of the data.
  public var rows: [ItemIndex]
  /// What is held out, in rows of the smaller catalogue; items that only it has are unknown. Nil where nothing is.
  public var holdOut: HoldOut?

  /// Items of the training part.
  public var itemCount: Int { rows.count }

  /// Targets that can be predicted at all: of a known item, behind a known one.
  public var answerableTargets: Int {
    guard let holdOut else { return 0 }
    var count = 0
    for index in 0..<holdOut.sessions.count {
      let session = holdOut.sessions[index]
      guard let first = session.firstIndex(where: { $0 >= 0 }) else { continue }
      let targets = session.dropFirst(max(holdOut.firstTargets[index], first + 1 - session.startIndex))
      count += targets.count { $0 >= 0 }
    }
    return count
  }
}

extension TrainingData {
  /// Shares of the sessions that the last day must hold, for it to be what is held out.
  private static let usualShare = 0.02...0.35
  private static let day: Int64 = 86_400_000

  /// What ``Validation/automatic`` means for this data: without times each session's last event; else the last day, where that is 2 % to
  /// 35 % of the sessions, or their last tenth.
  public var usualValidation: Validation {
    let sessions = unfiltered ?? sessions
    guard hasTimes, let last = sessions.times.max() else { return .leaveOneOut }
    let share = Double(sessions.times.count { $0 >= last - Self.day }) / Double(sessions.count)
    return Self.usualShare.contains(share) ? .last(milliseconds: Self.day) : .share(0.1)
  }

  /// The data, split. Whole sessions are held out by time, each event but a session's first being a target. Leaving one out, the last event
  /// of each session of three or more is the target, and the events before it are trained on.
  ///
  /// Items are left out for their support in the training part alone: what is held out must not decide which items there are, and stays as it
  /// is, so that rare items are targets that are missed. A split by which no target can be answered is refused; the automatic one then goes on
  /// to the last tenth, and to each session's last event.
  public func split(_ asked: Validation) throws(TrainingDataFailure) -> DataSplit {
    guard asked == .automatic else { return try split(exactly: asked) }
    let usual = usualValidation
    do throws(TrainingDataFailure) { return try split(exactly: usual) } catch {
      for other in [Validation.share(0.1), .leaveOneOut] where other != usual {
        if let split = try? split(exactly: other) { return split }
      }
      throw error
    }
  }

  private func split(exactly validation: Validation) throws(TrainingDataFailure) -> DataSplit {
    let sessions = unfiltered ?? sessions
    switch validation {
    case .none, .automatic:
      return DataSplit(
        validation: .none, training: self.sessions, rows: (0..<itemCount).map { ItemIndex($0) }, holdOut: nil)
    case .leaveOneOut: return try leaveOneOut(sessions)
    case .last(let milliseconds):
      guard hasTimes, let last = sessions.times.max() else {
        throw .split(validation, why: "the input has no times")
      }
      return try split(validation, sessions, sessions.times.map { $0 >= last - milliseconds })
    case .share(let share):
      let heldOut = Int((Double(sessions.count) * share).rounded())
      // Without times the order of the files stands for them.
      let order =
        sessions.times.isEmpty
        ? Array(0..<sessions.count)
        : (0..<sessions.count).sorted { (sessions.times[$0], $0) < (sessions.times[$1], $1) }
      var isHeldOut = [Bool](repeating: false, count: sessions.count)
      for index in order.suffix(heldOut) { isHeldOut[index] = true }
      return try split(validation, sessions, isHeldOut)
    }
  }

  private func split(
    _ validation: Validation, _ sessions: SessionTable, _ isHeldOut: [Bool]
  ) throws(TrainingDataFailure) -> DataSplit {
    var training = SessionTable()
    var rest = SessionTable()
    for index in 0..<sessions.count {
      let time = sessions.times.isEmpty ? nil : sessions.times[index]
      if !isHeldOut[index] {
        training.append(sessions[index], time: time)
      } else if sessions[index].count >= max(2, minSessionLength) {
        rest.append(sessions[index], time: time)
      }
    }
    return try finish(
      validation, training,
      HoldOut(
        sessions: rest, firstTargets: [Int](repeating: 1, count: rest.count), excludesSeen: false))
  }

  private func leaveOneOut(_ sessions: SessionTable) throws(TrainingDataFailure) -> DataSplit {
    var training = SessionTable()
    var rest = SessionTable()
    var firstTargets: [Int] = []
    for index in 0..<sessions.count {
      let session = sessions[index]
      let time = sessions.times.isEmpty ? nil : sessions.times[index]
      guard session.count >= max(3, minSessionLength) else {
        training.append(session, time: time)
        continue
      }
      training.append(session.dropLast(), time: time)
      rest.append(session, time: time)
      firstTargets.append(session.count - 1)
    }
    return try finish(
      .leaveOneOut, training, HoldOut(sessions: rest, firstTargets: firstTargets, excludesSeen: true))
  }

  /// Numbers both parts by the training part's own items.
  private func finish(
    _ validation: Validation, _ training: SessionTable, _ holdOut: HoldOut
  ) throws(TrainingDataFailure) -> DataSplit {
    guard holdOut.sessions.count > 0 else { throw .split(validation, why: "no session would be held out") }
    var training = training
    if unfiltered != nil {
      // Leaving one out has taken an event of each session.
      var filter = SupportFilter(
        minItemSupport: minItemSupport,
        minSessionLength: validation == .leaveOneOut
          ? max(min(2, minSessionLength), minSessionLength - 1) : minSessionLength, fixed: continuedItems)
      _ = filter.apply(to: &training, items: itemCount)
    }
    guard training.items.count > training.count else {
      throw .split(validation, why: "nothing would be left to train on")
    }
    var isThere = [Bool](repeating: false, count: itemCount)
    for row in 0..<continuedItems { isThere[row] = true }
    for item in training.items where item >= 0 { isThere[Int(item)] = true }
    var numbers = [ItemIndex](repeating: .unknown, count: itemCount)
    var rows: [ItemIndex] = []
    for row in 0..<itemCount where isThere[row] {
      numbers[row] = ItemIndex(rows.count)
      rows.append(ItemIndex(row))
    }
    var heldOut = holdOut
    heldOut.sessions = holdOut.sessions.renumbered(numbers)
    let split = DataSplit(
      validation: validation, training: training.renumbered(numbers), rows: rows, holdOut: heldOut)
    guard split.answerableTargets > 0 else {
      throw .split(
        validation,
        why: "of what would be held out, no event has an item that is known from the others, and such a one before it")
    }
    return split
  }
}
