public import TensorFerryTensors

/// A conversion from a state dict to a file, planned from headers alone and then carried out exactly.
public struct Conversion: Sendable {
  /// One tensor and what becomes of it.
  public struct Step: Sendable {
    public let name: String
    /// The name in the output; another one only if names are escaped.
    public let writtenName: String
    public let source: DType
    public let target: DType
    public let shape: Shape
    /// The size in the output.
    public let byteCount: Int
    public let aliasOf: String?
  }

  /// What is written.
  public let result: StateDict
  public let steps: [Step]
  /// Floating-point tensors that are not cast although a type is given, because they belong to packed weights.
  public let packed: [String]
  /// What the target cannot keep, one sentence each.
  public let losses: [String]
  private let format: any WeightFormat
  private let source: StateDict

  /// Plans a conversion; reads no tensor.
  ///
  /// - Parameters:
  ///   - dtype: what floating-point tensors are cast to; nil keeps every type. Integers, booleans, complex and packed
  ///     weights keep theirs.
  ///   - escapingNames: true to write names that the format cannot hold with `%`, as `docs/reference/names.md` says;
  ///     they are read back as they were.
  /// - Throws: ``WeightFileError`` with code `.refused` or `.ambiguousType` if the source holds something that cannot be
  ///   carried over.
  public init(
    _ source: StateDict, to format: any WeightFormat, dtype: DType? = nil, escapingNames: Bool = false
  ) throws {
    try source.checkComplete()
    let packed = dtype == nil ? [] : Set(PackedWeights.find(in: source).flatMap(\.names))
    var result = StateDict()
    result.origin = source.origin
    result.metadata = source.metadata
    for element in source {
      let castable = element.tensor.dtype.isFloatingPoint && !packed.contains(element.name)
      let tensor = try castable ? element.tensor.cast(to: dtype ?? element.tensor.dtype) : element.tensor
      try result.append(element.name, tensor, aliasOf: element.aliasOf)
    }
    if escapingNames { result = try NameEscape.applied(to: result, for: type(of: format)) }
    steps = zip(source, result).map { element, written in
      Step(
        name: element.name, writtenName: written.name, source: element.tensor.dtype, target: written.tensor.dtype,
        shape: written.tensor.shape, byteCount: written.tensor.byteCount, aliasOf: element.aliasOf)
    }
    self.packed = source.filter {
      packed.contains($0.name) && $0.tensor.dtype.isFloatingPoint && $0.tensor.dtype != dtype
    }.map(\.name)
    self.source = source
    self.result = result
    self.format = format
    losses = format.losses(of: result) + source.others.map { "'\($0.name)' (\($0.kind)) is not carried over" }
  }

  /// The bytes of tensors that are written, each shared storage once.
  public var byteCount: Int { steps.filter { $0.aliasOf == nil }.reduce(0) { $0 + $1.byteCount } }

  /// Reads every tensor that is cast to a narrower type, and counts what that would lose.
  ///
  /// - Throws: ``WeightFileError`` with code `.lossyCast` with the number of elements, the largest error and the
  ///   first tensor.
  public func checkLossless() throws {
    var losses = CastLosses()
    for (step, element) in zip(steps, source) where step.source != step.target && step.aliasOf == nil {
      try losses.add(step.name, element.tensor, castTo: step.target)
    }
    guard let first = losses.first else { return }
    throw WeightFileError(
      .lossyCast, losses.summary + "; --allow-lossy permits it", file: source.origin?.path, tensor: first)
  }

  /// Writes the file: beside its path, then read back, compared bit for bit, and renamed.
  ///
  /// - Parameter progress: called from this thread for every piece of a tensor; what it throws ends the work.
  /// - Returns: how many bytes did not pass through the process.
  /// - Throws: ``WeightFileError`` with code `.unwritable` if the path leads to the source, and what
  ///   ``TensorFerryTensors/StateDict/write(path:format:replacing:progress:)`` throws.
  @discardableResult
  public func write(
    to path: String, replacing: Bool = false, progress: WriteProgress.Handler? = nil
  ) throws -> WriteReport {
    if let origin = source.origin?.path, AtomicFile.isSame(origin, as: path) {
      throw WeightFileError(.unwritable, "the output is the input", file: path)
    }
    let tally = WriteTally()
    let result = result.observed(by: tally)
    try advising { try result.write(path: path, format: format, replacing: replacing, progress: progress) }
    return tally.report
  }

  /// The file that leads to what was written at `path`: the index if there are shards.
  public func writtenPath(for path: String) -> String {
    (format as? SafetensorsFormat)?.writtenPath(for: path) ?? path
  }

  /// Looks for everything that the output cannot hold; reads no tensor and writes nothing.
  ///
  /// - Throws: ``WeightFileError`` with code `.unrepresentable` and every problem.
  public func checkRepresentable(at path: String) throws {
    try advising { try format.checkRepresentable(result, at: path) }
  }

  /// Adds what helps to an error that says what cannot be held.
  private func advising(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch var error as WeightFileError where error.code == .unrepresentable {
      let escaped = try? NameEscape.applied(to: result, for: type(of: format))
      if let escaped, escaped.names != result.names {
        error.reason += "; --escape-names writes names so that they come back"
      }
      if type(of: format) != GGUFFormat.self, result.contains(where: { $0.tensor.encoding != nil }) {
        error.reason += "; --dequantise reads quantised blocks as F32"
      }
      throw error
    }
  }
}
