internal import TensorFerryHDF5Reading
public import TensorFerryTensors

/// Weights as Keras saves them: `.h5` of Keras 2, `.weights.h5`, `.weights.json` with its shards, and `.keras`.
///
/// Tensors are named by the names of the layers and of their variables, for example `encoder.fc.kernel`, and have the
/// layout that Keras gives them: the kernel of a dense layer is `[in, out]`. The configuration of a model is metadata;
/// nothing in it is ever carried out. These files are read, not written.
public struct KerasFormat: WeightFormat {
  public static let name = "keras"

  /// True to read the variables of optimizers, metrics and random generators too, which are no weights.
  public var keepsTrainingState: Bool

  /// What raw bytes hold: Keras writes bfloat16 in the layout of Keras 2 without saying so.
  public var voidTypes: VoidTypes

  /// Who describes the HDF5 files.
  public var reader: HDF5Reader

  public init(keepsTrainingState: Bool = false, voidTypes: VoidTypes = [], reader: HDF5Reader = .parser) {
    self.keepsTrainingState = keepsTrainingState
    self.voidTypes = voidTypes
    self.reader = reader
  }

  public static let extensions = ["keras", "h5", "hdf5"]

  public func reading(with options: ReadingOptions) -> Self {
    var format = self
    format.voidTypes = options.voidTypes
    if options.hdf5Reader != .parser { format.reader = options.hdf5Reader }
    return format
  }

  public static func recognises(_ file: SourceFile) throws -> Bool {
    if let first = try ZipArchive.firstName(in: file) {
      // If the directory is damaged, the first name decides.
      guard let archive = try? ZipArchive(file, format: name) else { return KerasArchive.members.contains(first) }
      return KerasArchive.recognises(archive)
    }
    return try KerasIndex.recognises(file) || HDF5Format.recognises(file) && KerasFile.recognises(file.path)
  }

  public func read(_ file: SourceFile) throws -> StateDict {
    do {
      if try ZipArchive.firstName(in: file) != nil { return try KerasArchive(file).read(self) }
      if try KerasIndex.recognises(file) { return try KerasIndex(file).read(self) }
      let weights = try KerasFile(describing: file.path, in: file, self)
      var reading = KerasReading(of: [weights], keepsTrainingState: keepsTrainingState)
      if let legacy = try KerasLegacyNames(weights) {
        let metadata = try KerasConfiguration.decoded(weights.inventory.attributes.map(\.member))
        try reading.add(legacy.variables)
        if let configuration = metadata.first(where: { $0.key == "model_config" })?.value {
          reading.add(KerasConfiguration(configuration))
        }
        reading.state.metadata = metadata.filter { !$0.key.hasPrefix("layer_names") }
        return try reading.finish(file, layout: legacy.isWholeModel ? "Keras 2 whole model" : "Keras 2 weights")
      }
      let objects = KerasObjects([weights], nil)
      guard !objects.isEmpty else {
        throw WeightFileError(.malformed, "there is neither an attribute 'layer_names' nor a group 'vars'")
      }
      try reading.add(objects.variables())
      reading.state.metadata = weights.inventory.attributes.map(\.member)
      return try reading.finish(file, layout: "Keras 3 weights")
    } catch var error as WeightFileError {
      error.file = error.file ?? file.path
      error.format = Self.name
      throw error
    } catch var error as TensorError {
      error.file = error.file ?? file.path
      error.format = Self.name
      throw error
    }
  }

  public func write(_ state: StateDict, to path: String) throws { try checkRepresentable(state, at: path) }

  public func checkRepresentable(_ state: StateDict, at path: String) throws {
    let names = state.names.prefix(3).map { "'\($0.escapedForDisplay)'" }.joined(separator: ", ")
    throw WeightFileError(
      .unrepresentable, "Keras files are read, not written; this is to hold \(state.count) tensors: \(names)",
      file: path, format: Self.name)
  }
}

extension WeightFormat where Self == KerasFormat {
  /// Weights as Keras saves them.
  public static var keras: KerasFormat { KerasFormat() }
}
