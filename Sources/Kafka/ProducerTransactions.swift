private import CRdkafka
import Events

/// How librdkafka answered a step of a transaction.
enum TransactionStep {
  /// It is done.
  case done
  /// Not yet; the same is to be asked again.
  case retry(KafkaFailure)
  /// The transaction can only be aborted.
  case abort(KafkaFailure)
  /// The client can do nothing more under its transactional id.
  case over(KafkaFailure)
}

/// The steps of a transaction, each waiting at most so many milliseconds.
///
/// librdkafka (rdkafka.h): init, commit and abort are "resumable when a retriable timeout error is returned: calling the function again
/// will resume the operation that is progressing in the background"; sending offsets is "retriable but not resumable", with "identical
/// offsets and cgmetadata". All of them are called from the one thread that the producer belongs to, and serve its delivery reports.
extension KafkaProducer {
  /// Fences earlier producers with the same id, and ends what they left in the middle.
  func initTransactions(milliseconds: Int) -> TransactionStep {
    unsafe step(
      rd_kafka_init_transactions(handle.pointer, Int32(clamping: milliseconds)), "beginning to use transactions")
  }

  /// Begins one. Asks no broker.
  func beginTransaction() -> TransactionStep {
    unsafe step(rd_kafka_begin_transaction(handle.pointer), "beginning a transaction")
  }

  /// Adds a group's offsets to the transaction.
  func sendOffsets(
    _ offsets: [PartitionOffset], in partitions: PartitionTable, of member: GroupMetadata, milliseconds: Int
  ) -> TransactionStep {
    let operation = "adding offsets to a transaction"
    var list = PartitionList()
    for offset in offsets {
      let name = partitions.names[Int(offset.partition)]
      list.add(topic: name.topic, partition: name.partition, offset: offset.next)
    }
    var metadata: OpaquePointer?
    let read = unsafe step(
      rd_kafka_consumer_group_metadata_read(&metadata, member.bytes, member.bytes.count), operation)
    guard case .done = read else { return read }
    defer { unsafe rd_kafka_consumer_group_metadata_destroy(metadata) }
    return unsafe step(
      rd_kafka_send_offsets_to_transaction(
        handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self), metadata,
        Int32(clamping: milliseconds)), operation)
  }

  /// Delivers what is queued and commits.
  func commitTransaction(milliseconds: Int) -> TransactionStep {
    unsafe step(rd_kafka_commit_transaction(handle.pointer, Int32(clamping: milliseconds)), "committing a transaction")
  }

  /// Throws away what is queued and aborts.
  func abortTransaction(milliseconds: Int) -> TransactionStep {
    unsafe step(rd_kafka_abort_transaction(handle.pointer, Int32(clamping: milliseconds)), "aborting a transaction")
  }

  /// What `error` says, which is destroyed.
  private func step(_ error: OpaquePointer?, _ operation: String) -> TransactionStep {
    guard let error = unsafe error else { return .done }
    defer { unsafe rd_kafka_error_destroy(error) }
    let code = unsafe rd_kafka_error_code(error)
    let failure = unsafe ClientHandle.failure(
      code.rawValue, while: operation, detail: String(cString: rd_kafka_error_string(error)))
    if unsafe rd_kafka_error_is_fatal(error) != 0 { return .over(failure) }
    if unsafe rd_kafka_error_txn_requires_abort(error) != 0 { return .abort(failure) }
    if unsafe rd_kafka_error_is_retriable(error) != 0 || code == RD_KAFKA_RESP_ERR__TIMED_OUT { return .retry(failure) }
    return .over(failure)
  }
}
