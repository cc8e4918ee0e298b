public import TensorFerryTensors

/// What can go wrong with a weight file.
public struct WeightFileError: LocatedError {
  public enum Code: String, CaseIterable, Sendable {
    /// The first bytes are those of no format that is known here.
    case unknownFormat
    /// The file contradicts its format.
    case malformed
    /// The file is valid, but holds something that is not read here.
    case unsupported
    /// The file does not say which element type raw bytes have, and neither did its reader.
    case ambiguousType
    /// The file names bytes outside itself.
    case refused
    /// The format that is written cannot hold this.
    case unrepresentable
    /// A cast would change values, and that was not permitted.
    case lossyCast
    /// The output exists, and replacing it was not asked for.
    case outputExists
    /// The output cannot be written.
    case unwritable
    /// What was written is not what was to be written.
    case verificationFailed
  }

  public let code: Code
  public internal(set) var reason: String
  public var file: String?
  public var format: String?
  public var tensor: String?
  public var place: Place?
  /// The error of the layer below that caused this one.
  public var underlying: (any Error)?

  public init(
    _ code: Code, _ reason: String, file: String? = nil, format: String? = nil, tensor: String? = nil,
    place: Place? = nil,
    underlying: (any Error)? = nil
  ) {
    self.code = code
    self.reason = reason
    self.file = file
    self.format = format
    self.tensor = tensor
    self.place = place
    self.underlying = underlying
  }
}
