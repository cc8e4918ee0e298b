public import TensorFerryTensors

extension ParityReport {
  /// What lets somebody else check a report without this library: the files that it is about, and what the model was.
  ///
  /// The rest is in the report itself: for each certificate the element on which it hangs, with its numbers and with the
  /// rounding that its bound is made of.
  public struct Proof: Hashable, Sendable {
    public enum Role: String, CaseIterable, Sendable {
      case model, reference
    }

    /// A file and its SHA-256.
    public struct Input: Hashable, Sendable {
      public let role: Role
      public let file: String
      public let sha256: String

      public init(role: Role, file: String, sha256: String) {
        self.role = role
        self.file = file
        self.sha256 = sha256
      }
    }

    public let inputs: [Input]
    /// The model's configuration, wherever it was told.
    public let configuration: JSONValue
    /// Whether the parameters are other than the tensors of the same names in the file.
    public let isMapped: Bool

    public init(inputs: [Input], configuration: JSONValue, isMapped: Bool) {
      self.inputs = inputs
      self.configuration = configuration
      self.isMapped = isMapped
    }
  }
}
