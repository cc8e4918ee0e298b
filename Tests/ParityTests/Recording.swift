import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport

/// A small model that PyTorch recorded in this run: weights and reference.
struct Recording: Sendable {
  enum Name: String, CaseIterable, Sendable {
    /// `[batch, features]`: a softmax over one position.
    case vector
    case sequence
    case attention
    case transformer
  }

  let model: any ImportableModel
  let reference: StateDict

  static func named(_ name: Name) throws -> Recording { try all.get()[name]! }

  private static let all = Result { () throws -> [Name: Recording] in
    try withTemporaryDirectory { directory in
      try python(program, [directory.path])
      var recordings: [Name: Recording] = [:]
      for name in Name.allCases {
        let weights = try StateDict(contentsOf: directory.appending(path: "\(name).h5"))
        let options: JSONValue =
          switch name {
          case .vector, .sequence: [:]
          case .attention: ["num_heads": JSONValue(2)]
          case .transformer: ["num_heads": JSONValue(2), "activation": "gelu"]
          }
        let reference = try StateDict(contentsOf: directory.appending(path: "\(name).reference.h5"))
        recordings[name] = try Recording(
          model: load(ModelRegistry.model(for: weights.names), weights, options),
          reference: copy(reference) { _ in true })
      }
      return recordings
    }
  }

  private static func load<Loaded: ImportableModel>(
    _: Loaded.Type, _ state: StateDict, _ options: JSONValue
  ) throws -> any ImportableModel {
    try Loaded(Loaded.plan(importing: state, options: options), state, options: options)
  }

  /// In memory, without the file.
  private static func copy(_ state: StateDict, where isKept: (String) -> Bool) throws -> StateDict {
    var copy = StateDict()
    copy.metadata = state.metadata
    for element in state where isKept(element.name) {
      try copy.append(element.name, LazyTensor(element.tensor.read()))
    }
    return copy
  }

  func bundle(where isKept: (String) -> Bool = { _ in true }) throws -> ReferenceBundle {
    try ReferenceBundle(Self.copy(reference, where: isKept))
  }

  private static let program = """
    import sys, torch, tensorferry
    from torch import nn
    torch.manual_seed(41)
    def record(name, model, *inputs):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape), alpha=0.2)
        tensorferry.save(model.state_dict(), f"{sys.argv[1]}/{name}.h5")
        tensorferry.record(model, inputs[0] if len(inputs) == 1 else list(inputs), f"{sys.argv[1]}/{name}.reference.h5")
    def classifier():
        return tensorferry.AttentionClassifier(7, 5, 3)
    record("vector", classifier(), torch.randn(4, 7))
    record("sequence", classifier(), torch.randn(3, 6, 7))
    record("attention", nn.MultiheadAttention(6, 2, batch_first=True),
           {"query": torch.randn(2, 3, 6), "key": torch.randn(2, 5, 6), "value": torch.randn(2, 5, 6)})
    record("transformer", tensorferry.TransformerClassifier(4, 2, 5, 1, 3, activation="gelu"),
           {"x": torch.randn(2, 3, 4)})
    """
}

extension ImportableModel {
  /// The parameters in PyTorch's layout.
  var tensors: [String: Tensor] {
    get throws { try parameters.mapValues { try Tensor($0.values, shape: $0.shape) } }
  }

  /// This model with one element of a parameter set.
  func with(_ value: Float, at offset: Int, of parameter: String) throws -> Self {
    var tensors = try tensors
    var values = parameters[parameter]!.values
    values[offset] = value
    tensors[parameter] = try Tensor(values, shape: parameters[parameter]!.shape)
    return try Self(configuration: configuration, parameters: tensors)
  }
}
