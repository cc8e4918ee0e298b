internal import TensorFerryTensors
internal import TensorFerryThreads

/// What the writing of a file came to.
public struct WriteReport: Hashable, Sendable {
  /// The bytes of tensors that the file system shares between input and output: they were not copied at all.
  public internal(set) var sharedByteCount = 0
  /// The bytes of tensors that the system copied, so that they did not pass through the process.
  public internal(set) var copiedByteCount = 0
}

/// Adds up what was not read to be written.
final class WriteTally: ReadObserver {
  private let sum = Locked(WriteReport())

  var report: WriteReport { sum.withLock { $0 } }

  func didRead(_ byteCount: Int) {}

  func didTransfer(_ byteCount: Int, isShared: Bool) {
    sum.withLock {
      if isShared { $0.sharedByteCount += byteCount } else { $0.copiedByteCount += byteCount }
    }
  }
}
