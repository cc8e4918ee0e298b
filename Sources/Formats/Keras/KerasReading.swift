internal import TensorFerryHDF5Reading
internal import TensorFerryTensors

/// A variable of a model: its name here, and where it is.
struct KerasVariable {
  let name: String
  /// The path of its dataset.
  let path: String
  /// The position of its file among those that are read together.
  var file = 0
  /// What it belongs to if it is no weight, for example `optimizer`.
  var state: String?
}

/// Puts a state dict together from files of weights.
struct KerasReading {
  var state = StateDict()
  private let files: [KerasFile]
  private let keepsTrainingState: Bool
  private var places: [ExactText: String] = [:]
  /// The paths of each file that a variable has.
  private var used: [Set<ExactText>]
  private var owners: [[HDF5ObjectIdentity: String]]

  init(of files: [KerasFile], keepsTrainingState: Bool) {
    self.files = files
    self.keepsTrainingState = keepsTrainingState
    used = Array(repeating: [], count: files.count)
    owners = Array(repeating: [:], count: files.count)
  }

  /// Adds tensors in this order.
  ///
  /// - Throws: ``WeightFileError`` with code `.malformed` if two have the same name; both places are named.
  mutating func add(_ variables: [KerasVariable]) throws {
    var left: [(owner: String, count: Int)] = []
    for variable in variables {
      used[variable.file].insert(ExactText(variable.path))
      if let owner = variable.state, !keepsTrainingState {
        if let index = left.firstIndex(where: { $0.owner == owner }) {
          left[index].count += 1
        } else {
          left.append((owner, 1))
        }
        continue
      }
      if let other = places.updateValue(variable.path, forKey: ExactText(variable.name)) {
        throw WeightFileError(
          .malformed, "'\(other.escapedForDisplay)' and '\(variable.path.escapedForDisplay)' get the same name",
          tensor: variable.name, place: .object(variable.path))
      }
      try append(variable)
    }
    for (owner, count) in left {
      state.others.append(
        .init(name: owner, kind: "training state", reason: "\(count) variables that are no weights; read on request"))
    }
  }

  private mutating func append(_ variable: KerasVariable) throws {
    let file = files[variable.file]
    guard case .dataset(let dataset) = file[variable.path] else {
      let obstacle = file.obstacle(on: variable.path)
      let reason = obstacle.map { "'\($0.name)' on the way to it \($0.reason)" }
      state.others.append(
        .init(
          name: variable.name, kind: obstacle?.kind ?? "missing",
          reason: reason ?? "there is no dataset '\(variable.path)'", isRefused: true))
      return
    }
    switch try file.tensors.read(dataset, as: variable.name, path: variable.path) {
    case .other(let other):
      // A weight that is not a tensor is missing, whatever it is.
      state.others.append(
        .init(
          name: other.name, kind: other.kind, reason: other.reason, isRefused: !other.isAmbiguous,
          isAmbiguous: other.isAmbiguous))
    case .tensor(let tensor):
      try state.append(variable.name, tensor, aliasOf: owners[variable.file][dataset.identity])
      if owners[variable.file][dataset.identity] == nil {
        owners[variable.file][dataset.identity] = variable.name
      }
    }
  }

  /// Lists the code in a configuration, which is not carried out.
  mutating func add(_ configuration: KerasConfiguration) {
    for owner in configuration.functions {
      state.others.append(
        .init(name: owner, kind: "lambda", reason: "the configuration holds Python code, which is never run"))
    }
  }

  /// Lists what is left in the files.
  mutating func finish(_ origin: SourceFile, layout: String, byteCount: UInt64? = nil) throws -> StateDict {
    for (index, file) in files.enumerated() {
      for link in file.inventory.links where !used[index].contains(ExactText(link.path)) {
        if case .dataset = link.target {
          state.others.append(.init(name: link.path, kind: "dataset", reason: "it is no variable of a layer"))
        } else if let other = link.target.other(link.path) {
          state.others.append(other)
        }
      }
    }
    state.origin = .init(
      path: origin.path, format: KerasFormat.name, layout: layout, byteCount: byteCount ?? origin.byteCount)
    return state
  }
}
