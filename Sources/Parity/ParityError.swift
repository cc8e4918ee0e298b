public import TensorFerryTensors

/// Why a reference bundle cannot be read, or cannot be compared with a model.
public struct ParityError: LocatedError {
  public enum Code: String, CaseIterable, Sendable {
    /// The file does not say that it is a reference bundle of a version that is known here.
    case notAReference
    /// The name of the model or the manifest is missing or unreadable.
    case invalidMetadata
    /// A tensor's name has no place in a reference bundle.
    case unexpectedName
    /// A tensor has another element type than its place needs.
    case wrongType
    /// The reference was recorded from another model.
    case otherModel
    /// A case lacks one of the model's inputs.
    case missingInput
    /// A case has an input that the model does not have.
    case unexpectedInput
    /// A case has a stage that the model does not have.
    case unexpectedStage
    /// An input has a shape that the model does not take.
    case inputShape
    /// A stage has another shape than it has in this model.
    case stageShape
    /// There are more or fewer labels than samples, or one that is no class.
    case invalidLabels
  }

  public let code: Code
  public let reason: String
  public let file: String?
  public let tensor: String?
  public var format: String? { "reference" }
  public var place: Place? { nil }

  init(_ code: Code, _ reason: String, file: String?, tensor: String? = nil) {
    self.code = code
    self.reason = reason
    self.file = file
    self.tensor = tensor
  }
}
