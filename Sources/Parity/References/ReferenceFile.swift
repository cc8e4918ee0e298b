internal import TensorFerryFormats
public import TensorFerryOperators
internal import TensorFerryTensors

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A reference as it lies on the disk: a bundle, arrays with the names of a model's inputs and stages, or the test data
/// of an ONNX model.
///
/// Only a bundle says of which model it is. The others are taken for those of the model that they are compared with.
public struct ReferenceFile: Sendable {
  private enum Content: Sendable {
    case bundle(ReferenceBundle)
    case arrays(StateDict)
    case testData(ONNXTestData)
  }

  private let content: Content

  /// Opens a file of any format that is read here, or a folder `test_data_set_0`, or one that holds such folders.
  ///
  /// - Throws: what ``StateDict`` throws for a file that cannot be read, ``ParityError`` if it is a file of ours that is
  ///   no reference.
  public init(contentsOf url: URL) throws { try self.init(path: url.path) }

  /// Opens a reference by its path; see ``init(contentsOf:)``.
  public init(path: String) throws {
    if let data = try ONNXTestData(path: path) {
      content = .testData(data)
      return
    }
    let state = try StateDict(path: path)
    // What cannot be read must not pass for what was never recorded.
    try state.checkComplete()
    // Other programs have a key of that name, too: safetensors' own has 'pt' there.
    let isOurs = state.metadata("format")?.string?.hasPrefix("tensorferry.") == true
    content = isOurs ? .bundle(try ReferenceBundle(state)) : .arrays(state)
  }

  /// The bundle, if this is one that says its model.
  public var bundle: ReferenceBundle? {
    if case .bundle(let bundle) = content { bundle } else { nil }
  }

  /// What was recorded of a model.
  ///
  /// - Throws: ``ParityError`` for an array that is neither an input nor a stage of the model.
  public func bundle(of model: some Model) throws -> ReferenceBundle {
    switch content {
    case .bundle(let bundle): bundle
    case .arrays(let state): try ReferenceBundle(arrays: state, of: model)
    case .testData(let data): try ReferenceBundle(data, of: model)
    }
  }
}
