/// What the bytes of a tensor of dtype `BLOCK` encode.
///
/// Quantised weights stand in blocks of packed bits with shared scales. Their tensor holds these bytes as they are;
/// its own shape counts bytes, and the encoding says what they mean.
public struct BlockEncoding: Hashable, Sendable {
  /// The name of the encoding, for example `Q4_K`.
  public let name: String
  /// The shape of the numbers that the blocks stand for.
  public let shape: Shape

  public init(name: String, shape: Shape) {
    self.name = name
    self.shape = shape
  }
}
