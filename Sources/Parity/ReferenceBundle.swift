public import TensorFerryTensors

/// What PyTorch computed with a model: cases, each with its inputs and the values of every stage.
///
/// The tensors of a bundle bear the names `cases.0000.inputs.<input>`, `cases.0000.stages.<stage>.f32` and
/// `cases.0000.stages.<stage>.f64`, and perhaps `cases.0000.labels` and `probes.<stage>.f64`. The float64 values come
/// from the same float32 inputs and parameters, widened.
/// Nothing is read until the bundle is compared with a model.
public struct ReferenceBundle: Sendable {
  /// One set of inputs and what the stages gave for them.
  public struct Case: Sendable {
    /// The name in the bundle: digits, counted from `0000`.
    public let name: String
    public internal(set) var inputs: [String: LazyTensor] = [:]
    public internal(set) var stages: [String: Stage] = [:]
    /// The right class of each sample.
    public internal(set) var labels: LazyTensor?

    init(_ name: String) { self.name = name }
  }

  /// The values of one stage.
  public struct Stage: Sendable {
    public internal(set) var float32: LazyTensor?
    public internal(set) var float64: LazyTensor?
  }

  /// The only version of the bundle that is known.
  public static let format = "tensorferry.reference/1"

  /// The model's name and version, for example `AttentionClassifier/1`.
  public let model: String
  /// The configuration of the recorded model, or nil if the bundle does not say it.
  public let configuration: JSONValue?
  /// How the bundle was recorded: version of torch, libraries, threads and so on, as the recorder wrote it.
  public let manifest: JSONValue
  /// In order of their names.
  public let cases: [Case]
  /// What linear stages gave for rows that are made again from a seed.
  public let probes: Probes?
  /// The path of the file, if there is one.
  public let file: String?
  /// How the file holds all this.
  public let layout: Layout

  init(model: String, layout: Layout, manifest: JSONValue, cases: [Case], probes: Probes?, file: String?) {
    self.model = model
    self.layout = layout
    self.manifest = manifest
    self.cases = cases
    self.probes = probes
    self.file = file
    configuration = nil
  }

  /// - Throws: ``ParityError`` with code `.notAReference`, `.invalidMetadata`, `.unexpectedName` or `.wrongType`.
  public init(_ state: StateDict) throws {
    let file = state.origin?.path
    self.file = file
    layout = .bundle
    guard state.metadata("format")?.string == Self.format else {
      let found = state.metadata("format").map { "'\(($0.string ?? $0.text()).escapedForDisplay)'" } ?? "missing"
      throw ParityError(.notAReference, "its format is \(found), a reference has '\(Self.format)'", file: file)
    }
    guard let model = state.metadata("model")?.string else {
      throw ParityError(.invalidMetadata, "the name of the model is missing or not a text", file: file)
    }
    self.model = model
    configuration = try state.metadata("configuration").map { _ in try Self.object("configuration", state, file) }
    manifest = try Self.object("manifest", state, file)
    cases = try Self.cases(state, file)
    probes = try Probes(state, file)
  }

  /// A JSON object in a text attribute.
  static func object(_ key: String, _ state: StateDict, _ file: String?) throws -> JSONValue {
    guard let text = state.metadata(key)?.string else {
      throw ParityError(.invalidMetadata, "the \(key) is missing or not a text", file: file)
    }
    do {
      let object = try JSONValue(parsing: text)
      guard object.members != nil else {
        throw ParityError(.invalidMetadata, "the \(key) is not a JSON object", file: file)
      }
      return object
    } catch let error as TensorError {
      throw ParityError(.invalidMetadata, "the \(key) is not readable: \(error)", file: file)
    }
  }

  static func cases(_ state: StateDict, _ file: String?) throws -> [Case] {
    var cases: [String: Case] = [:]
    for element in state {
      let (name, tensor) = (element.name, element.tensor)
      if name.hasPrefix("probes.") { continue }
      func demand(_ dtype: DType) throws {
        guard tensor.dtype == dtype else {
          throw ParityError(
            .wrongType, "must be \(dtype.rawValue), it is \(tensor.dtype.rawValue)", file: file, tensor: name)
        }
      }
      let parts = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 4 || (parts.count == 3 && parts[2] == "labels"), parts[0] == "cases", !parts[1].isEmpty,
        parts[1].utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
      else { throw unexpected(name, file) }
      var entry = cases[parts[1]] ?? Case(parts[1])
      if parts.count == 3 {
        try demand(.i64)
        entry.labels = tensor
      } else if parts[2] == "inputs" {
        entry.inputs[parts[3]] = tensor
      } else if parts[2] == "stages", parts[3].hasSuffix(".f32") {
        try demand(.f32)
        entry.stages[String(parts[3].dropLast(4)), default: Stage()].float32 = tensor
      } else if parts[2] == "stages", parts[3].hasSuffix(".f64") {
        try demand(.f64)
        entry.stages[String(parts[3].dropLast(4)), default: Stage()].float64 = tensor
      } else {
        throw unexpected(name, file)
      }
      cases[parts[1]] = entry
    }
    return cases.values.sorted { ($0.name.utf8.count, $0.name) < ($1.name.utf8.count, $1.name) }
  }

  static func unexpected(_ name: String, _ file: String?) -> ParityError {
    ParityError(
      .unexpectedName,
      "the name has no place in a reference, which holds cases.0000.inputs.<name>, "
        + "cases.0000.stages.<name>.f32 or .f64, cases.0000.labels, and probes.<stage>.f64", file: file, tensor: name)
  }
}
