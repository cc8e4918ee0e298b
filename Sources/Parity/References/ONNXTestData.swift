internal import TensorFerryFormats
internal import TensorFerryOperators
internal import TensorFerryTensors

/// The tests beside an ONNX model: folders `test_data_set_0`, `test_data_set_1`, ..., each with `input_0.pb`, ... and
/// `output_0.pb`, ..., as the backend tests of ONNX have them.
struct ONNXTestData: Sendable {
  struct Tensor: Sendable {
    let file: String
    /// The place among the inputs, or the outputs.
    let index: Int
    /// The name inside the file, or nil if it has none.
    let name: String?
    let tensor: LazyTensor
  }

  struct Folder: Sendable {
    /// The name of the case.
    let name: String
    let inputs: [Tensor]
    let outputs: [Tensor]
  }

  let path: String
  let folders: [Folder]

  private static let prefix = "test_data_set_"

  /// Reads the tensors, which are small; nil if the path is no folder with such names.
  init?(path: String) throws {
    guard let names = DirectoryListing.names(in: path) else { return nil }
    let root = path.hasSuffix("/") ? String(path.dropLast()) : path
    self.path = path
    if names.contains("input_0.pb") {
      let own = root.split(separator: "/").last.map(String.init) ?? ""
      folders = [try Self.read(root, names, number: Self.number(own, Self.prefix, "") ?? 0)]
    } else {
      let numbered = names.compactMap { name in Self.number(name, Self.prefix, "").map { ($0, name) } }.sorted {
        $0 < $1
      }
      guard !numbered.isEmpty else { return nil }
      folders = try numbered.map { number, name in
        try Self.read(root + "/" + name, DirectoryListing.names(in: root + "/" + name) ?? [], number: number)
      }
    }
  }

  private static func read(_ folder: String, _ names: [String], number: Int) throws -> Folder {
    func tensors(_ prefix: String) throws -> [Tensor] {
      let files = names.compactMap { name in Self.number(name, prefix, ".pb").map { ($0, name) } }.sorted { $0 < $1 }
      for (index, (found, name)) in files.enumerated() where found != index {
        throw ParityError(
          .notAReference, "'\(name)' is there, and '\(prefix)\(index).pb' is missing", file: folder)
      }
      return try files.map { index, name in
        let state = try StateDict(path: folder + "/" + name, format: .onnx)
        let element = state[state.startIndex]
        return Tensor(
          file: name, index: index, name: element.name + ".pb" == name ? nil : element.name,
          tensor: LazyTensor(try element.tensor.read()))
      }
    }
    let read = try Folder(
      name: String(repeating: "0", count: max(0, 4 - "\(number)".count)) + "\(number)", inputs: tensors("input_"),
      outputs: tensors("output_"))
    guard !read.inputs.isEmpty, !read.outputs.isEmpty else {
      throw ParityError(
        .notAReference, "there are \(read.inputs.count) files input_N.pb and \(read.outputs.count) files output_N.pb",
        file: folder)
    }
    return read
  }

  /// The number in a name such as `input_3.pb`, in plain decimal digits.
  private static func number(_ name: String, _ prefix: String, _ suffix: String) -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix), name.count > prefix.count + suffix.count else { return nil }
    let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
    guard let number = Int(digits), String(number) == digits, number >= 0 else { return nil }
    return number
  }
}

extension ReferenceBundle {
  /// Inputs and outputs belong to the model's by their names, else by their order.
  init(_ data: ONNXTestData, of model: some Model) throws {
    let graph = model.graph
    let cases = try data.folders.map { folder in
      var entry = Case(folder.name)
      for input in folder.inputs {
        let spec = graph.inputs.first { $0.name == input.name } ?? graph.inputs.dropFirst(input.index).first
        guard let name = spec?.name, entry.inputs[name] == nil else {
          throw Self.unexpected(
            .unexpectedInput, input, in: data, "input", graph.inputs.map(\.name), taken: spec?.name)
        }
        entry.inputs[name] = input.tensor
      }
      for output in folder.outputs {
        let stage = output.name.flatMap { graph.recordedStage($0)?.stage } ?? (output.index == 0 ? graph.output : nil)
        guard let stage, output.tensor.dtype == .f32 || output.tensor.dtype == .f64 else {
          guard stage == nil else {
            throw ParityError(
              .wrongType, "must be F32 or F64, it is \(output.tensor.dtype.rawValue)", file: data.path,
              tensor: "\(folder.name): \(output.file)")
          }
          throw Self.unexpected(.unexpectedStage, output, in: data, "stage", graph.stages.map(\.name), taken: nil)
        }
        guard entry.stages[stage, default: Stage()].take(output.tensor) else {
          throw Self.unexpected(.unexpectedStage, output, in: data, "stage", graph.stages.map(\.name), taken: stage)
        }
      }
      return entry
    }
    self.init(
      model: type(of: model).id, layout: .testData, manifest: [:], cases: cases, probes: nil, file: data.path)
  }

  private static func unexpected(
    _ code: ParityError.Code, _ tensor: ONNXTestData.Tensor, in data: ONNXTestData, _ kind: String, _ names: [String],
    taken: String?
  ) -> ParityError {
    ParityError(
      code,
      taken.map { "'\($0)' is given twice" }
        ?? "neither its name nor its place is that of a \(kind) of the model, which has \(names.joined(separator: ", "))",
      file: data.path, tensor: tensor.name ?? tensor.file)
  }
}
