internal import TensorFerry

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// SIGINT, SIGTERM or SIGHUP came while a file was written.
struct Interruption: Error {
  let signal: Int32

  /// As shells have it.
  var status: Int32 { 128 + signal }

  /// Calls `body`, in which ``check()`` throws once one of the signals has come, so that what was begun is removed.
  ///
  /// A second signal ends the process at once.
  static func watching<Result>(_ body: () throws -> Result) throws -> Result {
    pending = 0
    let before = signals.map { ($0, replaceAction(of: $0)) }
    defer { for (signal, var action) in before { sigaction(signal, &action, nil) } }
    return try body()
  }

  /// - Throws: ``Interruption`` if a signal has come.
  @Sendable static func check() throws {
    if pending != 0 { throw Interruption(signal: pending) }
  }

  private static let signals = [SIGINT, SIGTERM, SIGHUP]

  private static let handle: @convention(c) (Int32) -> Void = { pending = $0 }

  /// Gives a signal our handler, unless it is ignored, as `nohup` has it.
  ///
  /// - Returns: what it had.
  private static func replaceAction(of signal: Int32) -> sigaction {
    var before = sigaction()
    sigaction(signal, nil, &before)
    var action = sigaction()
    #if canImport(Darwin)
      let isIgnored = unsafeBitCast(before.__sigaction_u.__sa_handler, to: Int.self) == ignored
      action.__sigaction_u.__sa_handler = handle
    #else
      let isIgnored = unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self) == ignored
      action.__sigaction_handler.sa_handler = handle
    #endif
    // Without SA_RESTART a slow read would end early; every read is repeated after EINTR, but libhdf5's are not.
    action.sa_flags = Int32(bitPattern: UInt32(truncatingIfNeeded: SA_RESETHAND)) | SA_RESTART
    if !isIgnored { sigaction(signal, &action, nil) }
    return before
  }

  private static let ignored = unsafeBitCast(SIG_IGN, to: Int.self)
}

/// Lets a write beyond a limit of the file size fail like any other, so that what was begun is removed.
func surviveFileSizeLimit() { _ = signal(SIGXFSZ, SIG_IGN) }

/// The signal that came last, or 0.
// Safe because it is one aligned word, which a handler stores in one step, and was touched before any is installed.
private nonisolated(unsafe) var pending: Int32 = 0
