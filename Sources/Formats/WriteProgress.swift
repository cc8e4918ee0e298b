internal import TensorFerryTensors
internal import TensorFerryThreads

/// How far the writing of a file has come.
public struct WriteProgress: Hashable, Sendable {
  public enum Phase: String, CaseIterable, Sendable {
    /// The tensors are read and written.
    case write
    /// The tensors are read again and compared with what was written.
    case verify
  }

  /// What is told; it may throw to end the work.
  public typealias Handler = @Sendable (WriteProgress) throws -> Void

  public let phase: Phase
  /// The bytes of tensors that this phase has read.
  public let done: Int
  /// The bytes that this phase reads.
  public let total: Int
}

/// Adds up what is read of the tensors that are written.
final class ProgressMeter: ReadObserver {
  private let handler: WriteProgress.Handler
  private let byteCount: Int
  private let progress: Locked<WriteProgress>

  init(_ handler: @escaping WriteProgress.Handler, writing state: StateDict, as format: any WeightFormat.Type) {
    self.handler = handler
    byteCount = state.reduce(0) { $0 + ($1.aliasOf == nil || !format.keepsTies ? $1.tensor.byteCount : 0) }
    progress = Locked(WriteProgress(phase: .write, done: 0, total: 0))
  }

  func begin(_ phase: WriteProgress.Phase) throws {
    progress.withLock { $0 = WriteProgress(phase: phase, done: 0, total: byteCount) }
    try report()
  }

  func didRead(_ byteCount: Int) throws {
    progress.withLock { $0 = WriteProgress(phase: $0.phase, done: $0.done + byteCount, total: $0.total) }
    try report()
  }

  /// Tells what was told last, so that the work can be ended.
  func report() throws { try handler(progress.withLock { $0 }) }
}
