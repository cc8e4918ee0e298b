internal import ArgumentParser
internal import TensorFerry

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// What the command returns to the shell; see `tensorferry --help`.
enum ExitStatus {
  /// Done; equal; parity.
  static let success = ExitCode(0)
  /// Parity refuted.
  static let refuted = ExitCode(1)
  /// Could not: bad file, I/O, unsupported, invalid mapping.
  static let failure = ExitCode(2)
  /// The evidence does not suffice.
  static let undecided = ExitCode(3)

  /// Ends the process: usage, help and exit codes as ArgumentParser has them, every other error with status 2.
  static func exit(with error: any Error) -> Never {
    if let interruption = error as? Interruption {
      StandardError.print("error: interrupted; nothing was written")
      end(with: interruption.status)
    }
    if let code = error as? ExitCode { end(with: code.rawValue) }
    // ArgumentParser gives status 1 to errors that are not its own; 1 means "refuted" here.
    guard TensorFerryCommand.exitCode(for: error) == .failure else { TensorFerryCommand.exit(withError: error) }
    StandardError.print("error: \(error)")
    end(with: failure.rawValue)
  }

  /// Ends the process once everything that was printed is written.
  ///
  /// Exit handlers do not run: OpenBLAS has one that waits for threads which, where the address space is limited, look
  /// for memory without end.
  static func end(with status: Int32) -> Never {
    guard fflush(nil) == 0 || status != success.rawValue else {
      StandardError.print("error: cannot print the answer: \(String(cString: strerror(errno)))")
      _exit(failure.rawValue)
    }
    _exit(status)
  }
}

enum StandardError {
  /// Writes a line to the standard error stream.
  static func print(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }
}
