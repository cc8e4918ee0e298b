/// What can go wrong with element types, shapes, bytes and the files that hold them.
public struct TensorError: LocatedError {
  public enum Code: String, CaseIterable, Sendable {
    /// A dimension is below 0.
    case negativeDimension
    /// A product of dimensions, or a size in bytes, does not fit.
    case sizeOverflow
    /// A packed type leaves its last byte half filled.
    case partialByte
    /// The bytes do not have the size that dtype and shape need.
    case sizeMismatch
    /// A range lies outside the tensor.
    case outOfRange
    /// Two tensors of a state dict have the same name.
    case duplicateName
    /// An alias names a tensor that is not in the state dict, or that differs in dtype or shape.
    case badAlias
    /// A cast between these types is not defined here.
    case unsupportedCast
    /// A text is not JSON as RFC 8259 has it, or repeats a key.
    case invalidJSON
    /// The file is missing, is a directory, or cannot be opened or read.
    case unreadableFile
    /// The file ended before a byte that it should have.
    case truncatedFile
    /// Size, time or identity of the file changed while it was being read.
    case changedFile
  }

  public let code: Code
  public let reason: String
  public var file: String?
  public var format: String?
  public var tensor: String?
  public var place: Place?

  public init(
    _ code: Code, _ reason: String, file: String? = nil, format: String? = nil, tensor: String? = nil,
    place: Place? = nil
  ) {
    self.code = code
    self.reason = reason
    self.file = file
    self.format = format
    self.tensor = tensor
    self.place = place
  }
}
