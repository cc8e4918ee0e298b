/// What a tensor of ONNX may ask for.
enum ONNXLimits {
  static let rank = 64
  /// For the name and the documentation.
  static let textByteCount = 1 << 20
  /// Writers put all elements into one field; the format allows any number of them.
  static let pieceCount = 1 << 16
}
