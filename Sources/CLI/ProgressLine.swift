internal import TensorFerry

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// One line on a terminal that says how far a conversion has come, drawn over itself and erased at the end.
///
/// There is none where the standard error stream is no terminal, or is one that cannot draw over a line. It has no
/// colour.
// Safe because a conversion calls it from one thread alone.
final class ProgressLine: @unchecked Sendable {
  private let isShown: Bool
  private var phase: WriteProgress.Phase?
  private var phaseStart = ContinuousClock.now
  private var lastDrawn = ContinuousClock.now

  private static let interval = Duration.milliseconds(100)

  init(isQuiet: Bool) {
    let terminal = getenv("TERM").map { String(cString: $0) } ?? ""
    isShown = !isQuiet && isatty(STDERR_FILENO) == 1 && !["", "dumb"].contains(terminal)
  }

  func show(_ progress: WriteProgress) {
    guard isShown else { return }
    let now = ContinuousClock.now
    if phase != progress.phase {
      phase = progress.phase
      phaseStart = now
    } else if now - lastDrawn < Self.interval {
      return
    }
    lastDrawn = now
    draw(Self.text(progress, after: now - phaseStart))
  }

  /// Erases the line, so that what is printed next begins on a clean one.
  func erase() {
    if isShown, phase != nil { draw("") }
  }

  private func draw(_ text: String) {
    let bytes = Array("\r\(text)\u{1B}[K".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }

  private static func text(_ progress: WriteProgress, after time: Duration) -> String {
    let percent = progress.total > 0 ? Int(Double(progress.done) / Double(progress.total) * 100) : 100
    let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    let rate = seconds > 0.05 ? ", \(megabytes(Double(progress.done) / seconds))/s" : ""
    let verb = progress.phase == .write ? "writing  " : "verifying"
    return "\(verb) \(percent) %  \(megabytes(Double(progress.done))) of \(megabytes(Double(progress.total)))\(rate)"
  }

  private static func megabytes(_ bytes: Double) -> String { "\((bytes / 1e5).rounded() / 10) MB" }
}
