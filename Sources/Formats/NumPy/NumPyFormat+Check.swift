public import TensorFerryTensors

extension NumPyFormat {
  /// An array that does not begin at a multiple of 64, as numpy writes it.
  public func check(_ file: SourceFile, _ state: StateDict?) throws -> [FormatFinding] {
    guard let tensor = state?.first?.tensor, let offset = tensor.fileOffset, offset % 64 > 0 else { return [] }
    return [.init(.warning, "the array begins at byte \(offset), no multiple of 64", place: .byte(offset))]
  }
}
