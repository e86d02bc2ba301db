public import Events

/// What can go wrong with files, formats and mappings. Bad records are no failures: they are rejections in the batch.
public enum FormatsFailure: PortFailure, Equatable {
  /// A file can't be opened.
  case cannotOpen(file: String, why: String)
  /// A file can't be read on, or its compressed data is damaged or cut off.
  case cannotRead(file: String, line: Int, why: String)
  /// With `strict`, the first line that is not an event.
  case malformedLine(file: String, line: Int, reason: RejectionReason)
  /// A format's name is not known.
  case unknownFormat(name: String)
  /// The format can't be told from the file's beginning.
  case undetectedFormat(file: String)
  /// A file's header lacks a column.
  case missingColumn(file: String, column: String, header: String)
  /// A text such as `session=…,item=…,time=…` makes no mapping.
  case invalidMapping(text: String, why: String)
  /// There are more files than ``Limits/partitions``.
  case tooManyFiles
  /// The temporary file of a sort can't be made, written or read.
  case cannotSort(directory: String, why: String)
  /// The events make more sorted runs than can be merged at once.
  case tooManyRuns(runs: Int, bytes: Int)
  /// No memory for a parser.
  case outOfMemory

  /// Everything here is about files and options that stay as they are: waiting would not help.
  public var disposition: Disposition {
    switch self {
    case .cannotOpen, .cannotRead, .malformedLine, .unknownFormat, .undetectedFormat, .missingColumn,
      .invalidMapping, .tooManyFiles, .cannotSort, .tooManyRuns, .outOfMemory:
      .halt
    }
  }

  /// What happened, where, and what to do.
  public var description: String {
    switch self {
    case .cannotOpen(let file, let why):
      "\(file): cannot be opened: \(why). Check the path and its permissions."
    case .cannotRead(let file, let line, let why):
      "\(file):\(line): reading stopped: \(why). Check that the file is whole (gzip -t, if it is compressed)."
    case .malformedLine(let file, let line, let reason):
      "\(file):\(line): \(reason.rawValue). Mend the line, or leave strict off to count and pass over such lines."
    case .unknownFormat(let name):
      "format \"\(name)\" is not known. Use one of: \(FileFormat.names.joined(separator: ", "))."
    case .undetectedFormat(let file):
      "\(file): its format cannot be told from its beginning. Name it, one of: "
        + "\(FileFormat.names.joined(separator: ", ")); csv and tsv take columns session=…,item=…,time=…."
    case .missingColumn(let file, let column, let header):
      "\(file):1: no column \(column) in the header \"\(header)\". Name the columns, or their numbers from 1."
    case .invalidMapping(let text, let why):
      "\"\(text)\": \(why). Write session=…,item=…,time=… and, where there are any, user=…,type=…."
    case .tooManyFiles:
      "more than \(Limits.partitions) files. Give fewer at once."
    case .cannotSort(let directory, let why):
      "\(directory): the temporary file for sorting by time failed: \(why). Free space there, or set TMPDIR."
    case .tooManyRuns(let runs, let bytes):
      "sorting by time needs more than \(runs) runs of \(bytes) bytes. Give the sort more memory."
    case .outOfMemory:
      "no memory for a JSON parser."
    }
  }
}
