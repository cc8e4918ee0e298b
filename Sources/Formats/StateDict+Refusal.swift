public import TensorFerryTensors

extension StateDict {
  /// Checks that nothing in the file had to be left out that its reader was meant to see.
  ///
  /// - Throws: ``WeightFileError`` that names all of it at once, with code `.ambiguousType` if saying what raw bytes
  ///   are is all that it takes, else `.refused`.
  public func checkComplete() throws {
    let refused = others.filter(\.isRefused)
    guard let first = refused.first else { return }
    let isAmbiguous = refused.allSatisfy(\.isAmbiguous)
    let items = refused.map { "'\($0.name.escapedForDisplay)', \($0.kind): \($0.reason.escapedForDisplay)" }
    let names = refused.map { "'\($0.name.escapedForDisplay)'" }.joined(separator: ", ")
    let isOneReason = Set(refused.map { [$0.kind, $0.reason] }).count == 1
    throw WeightFileError(
      isAmbiguous ? .ambiguousType : .refused,
      isOneReason ? "\(names), \(first.kind): \(first.reason.escapedForDisplay)" : items.joined(separator: "; "),
      file: origin?.path, format: origin?.format)
  }
}
