import TensorFerryModels
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport

/// A model's parameters and reference bundles, as PyTorch computed them.
struct Scene: Sendable {
  let name: String
  var parameters: [String: Tensor]
  /// The reference, by stage list: `right`, or `wrong_axis` with a softmax over the batch.
  let references: [String: StateDict]

  var model: AttentionClassifier {
    get throws {
      let fc = parameters["fc.weight"]!.shape
      let configuration = try AttentionClassifier.Configuration(
        inputSize: fc[1], hiddenSize: fc[0], classCount: parameters["classifier.bias"]!.shape[0])
      return try AttentionClassifier(configuration: configuration, parameters: parameters)
    }
  }

  func verify(_ kind: String = "right") throws -> ParityReport {
    try ReferenceBundle(references[kind]!).verify(model)
  }

  /// The scenes in what Python emitted as `<scene>/parameters/<name>` and `<scene>/<stage list>/<name in the bundle>`.
  static func all(in state: StateDict) throws -> [Scene] {
    var names: [String] = []
    var parameters: [String: [String: Tensor]] = [:]
    var references: [String: [String: StateDict]] = [:]
    for element in state {
      let parts = element.name.split(separator: "/").map(String.init)
      if names.last != parts[0] { names.append(parts[0]) }
      if parts[1] == "parameters" {
        parameters[parts[0], default: [:]][parts[2]] = try element.tensor.read()
      } else {
        try references[parts[0], default: [:]][parts[1], default: emptyReference(state)]
          .append(parts[2], element.tensor)
      }
    }
    return names.map { Scene(name: $0, parameters: parameters[$0]!, references: references[$0]!) }
  }

  private static func emptyReference(_ state: StateDict) -> StateDict {
    var reference = StateDict()
    reference.metadata =
      [.init("format", "tensorferry.reference/1"), .init("model", "AttentionClassifier/1")] + state.metadata
    return reference
  }
}

/// Python: `scene(name, ...)` emits a classifier's parameters and its stages in float32 and float64.
let recorder = """
  note("manifest", json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(),
                               "matmul_precision": torch.get_float32_matmul_precision()}))

  def stages(p, x, axis=1):
      F = torch.nn.functional
      fc = F.linear(x, p["fc.weight"], p["fc.bias"])
      scores = F.linear(fc, p["attention.weight"], p["attention.bias"])
      weights = torch.softmax(scores, dim=axis)
      if x.dim() == 2:
          attended = torch.bmm(weights.unsqueeze(2), fc.unsqueeze(1)).squeeze(1)
      else:
          attended = torch.bmm(weights.transpose(1, 2), fc).squeeze(1)
      output = F.linear(attended, p["classifier.weight"], p["classifier.bias"])
      return {"fc": fc, "attention_scores": scores, "attention_weights": weights, "attended_x": attended,
              "output": output}

  def parameters(d, h, c):
      p = {}
      for name, layer in (("fc", torch.nn.Linear(d, h)), ("attention", torch.nn.Linear(h, 1)),
                          ("classifier", torch.nn.Linear(h, c))):
          p[name + ".weight"], p[name + ".bias"] = layer.weight.detach(), layer.bias.detach()
      return p

  def scene(name, p, inputs, axes={"right": 1}):
      for key, value in p.items():
          emit(f"{name}/parameters/{key}", value)
      for kind, axis in axes.items():
          for number, x in enumerate(inputs):
              case = f"{name}/{kind}/cases.{number:04}"
              emit(f"{case}.inputs.x", x)
              wide = stages({key: value.double() for key, value in p.items()}, x.double(), axis)
              for stage, value in stages(p, x, axis).items():
                  emit(f"{case}.stages.{stage}.f32", value)
                  emit(f"{case}.stages.{stage}.f64", wide[stage])

  """
