import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport

/// Models that PyTorch has trained for some steps in this run, so that no parameter is as it was made, recorded with
/// probes.
struct Trained: Sendable {
  enum Name: String, CaseIterable, Sendable {
    /// `[batch, features]`: a softmax over one position.
    case vector
    case sequence
    /// Two layers, norms after.
    case transformer
  }

  let model: any ImportableModel
  let reference: StateDict

  static func named(_ name: Name) throws -> Trained { try all.get()[name]! }

  func bundle() throws -> ReferenceBundle { try ReferenceBundle(reference) }

  private static let all = Result { () throws -> [Name: Trained] in
    try withTemporaryDirectory { directory in
      try python(program, [directory.path])
      return try Dictionary(
        uniqueKeysWithValues: Name.allCases.map { name in
          let weights = try StateDict(contentsOf: directory.appending(path: "\(name).h5"))
          let file = try StateDict(contentsOf: directory.appending(path: "\(name).reference.h5"))
          var reference = StateDict()
          reference.metadata = file.metadata
          for element in file { try reference.append(element.name, LazyTensor(element.tensor.read())) }
          let options: JSONValue = name == .transformer ? ["num_heads": JSONValue(3), "activation": "gelu"] : [:]
          return (
            name,
            Trained(model: try load(ModelRegistry.model(for: weights.names), weights, options), reference: reference)
          )
        })
    }
  }

  private static func load<Loaded: ImportableModel>(
    _: Loaded.Type, _ state: StateDict, _ options: JSONValue
  ) throws -> any ImportableModel {
    try Loaded(Loaded.plan(importing: state, options: options), state, options: options)
  }

  private static let program = """
    import sys, torch, tensorferry
    torch.set_num_threads(1)  # two would wait for each other at every step
    torch.manual_seed(43)
    def trained(name, model, features, classes, positions, steps):
        shape = (64, positions, features) if positions else (64, features)
        x, y = torch.randn(shape), torch.randint(classes, (64,))
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(steps):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimiser.step()
        tensorferry.save(model, f"{sys.argv[1]}/{name}.h5")
        tensorferry.record(model, [x[:2], x[2:5]], f"{sys.argv[1]}/{name}.reference.h5")
    trained("vector", tensorferry.AttentionClassifier(19, 11, 5), 19, 5, None, 30)
    trained("sequence", tensorferry.AttentionClassifier(19, 11, 5), 19, 5, 6, 30)
    trained("transformer", tensorferry.TransformerClassifier(12, 3, 20, 2, 5, activation="gelu"), 12, 5, 7, 30)
    """
}
