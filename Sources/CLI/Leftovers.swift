internal import TensorFerry

enum Leftovers {
  /// Tells what earlier runs left beside the output because they were killed, once for each file.
  static func tell(beside output: String) {
    for leftover in Leftover.find(beside: output) {
      StandardError.print(
        "note: '\(leftover.path.escapedForDisplay)' (\(leftover.byteCount) bytes) was left by a run that was ended "
          + "before it finished; nothing reads it, and it can be deleted unless another machine writes it")
    }
  }
}
