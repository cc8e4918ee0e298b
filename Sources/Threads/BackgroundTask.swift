#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Work that a second thread does, such as a checksum of bytes that the first one copies meanwhile.
///
/// Whoever drops it waits for its end, so that nothing touches a file that is being removed.
// Safe because `thread` and `isJoined` are touched only by its one owner, and the result is behind a lock.
package final class BackgroundTask<Value: Sendable>: @unchecked Sendable {
  private typealias Outcome = Result<Value, any Error>

  private let outcome: Locked<Outcome?>
  private var thread: pthread_t?

  /// Starts the work; if the system has no thread left, it is done before this returns.
  package init(_ body: @escaping @Sendable () throws -> Value) {
    let outcome = Locked<Outcome?>(nil)
    self.outcome = outcome
    let work = Work {
      let result = Outcome(catching: body)
      outcome.withLock { $0 = result }
    }
    var thread = newThread()
    let status = pthread_create(
      &thread, nil,
      { argument in
        let work: UnsafeMutableRawPointer? = argument
        if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().run() }
        return nil
      }, Unmanaged.passRetained(work).toOpaque())
    guard status == 0 else {
      Unmanaged.passUnretained(work).release()
      work.run()
      return
    }
    self.thread = thread
  }

  deinit { join() }

  /// Waits for the end of the work.
  ///
  /// - Throws: what the work threw.
  package func value() throws -> Value {
    join()
    guard let outcome = outcome.withLock({ $0 }) else { preconditionFailure("a thread ended without its result") }
    return try outcome.get()
  }

  private func join() {
    if let thread { pthread_join(thread, nil) }
    thread = nil
  }
}

private final class Work: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

#if canImport(Darwin)
  private func newThread() -> pthread_t? { nil }
#else
  private func newThread() -> pthread_t { pthread_t() }
#endif
