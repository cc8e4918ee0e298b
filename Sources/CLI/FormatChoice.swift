internal import ArgumentParser
internal import TensorFerry

/// The format of an output, by the name that was given or by the file's extension.
enum FormatChoice {
  /// The formats that are written, by the names of `--to`, and the extensions that choose them.
  private static let writable: [(name: String, extensions: [String], format: any WeightFormat)] = [
    ("hdf5", ["h5", "hdf5"], HDF5Format(attributes: [("producer", Version.producer)])),
    ("safetensors", ["safetensors"], .safetensors),
    ("pytorch", ["pt", "pth", "bin"], PyTorchFormat()),
    ("npz", ["npz"], NPZFormat()),
    ("npy", ["npy"], NumPyFormat()),
    ("gguf", ["gguf"], GGUFFormat()),
  ]

  static var names: String { writable.map(\.name).joined(separator: ", ") }

  static func format(named name: String?, for path: String, shardSize: Int?) throws -> any WeightFormat {
    let format = try format(named: name, for: path)
    guard let shardSize else { return format }
    guard format is SafetensorsFormat else { throw ValidationError("only safetensors is written in shards") }
    return SafetensorsFormat(shardSize: shardSize)
  }

  private static func format(named name: String?, for path: String) throws -> any WeightFormat {
    if let name {
      if let choice = writable.first(where: { $0.name == name.lowercased() }) { return choice.format }
      throw ValidationError("'\(name)' is not a format that is written; these are: \(names)")
    }
    // An index is the name of a set of safetensors shards.
    if path.hasSuffix(".safetensors.index.json") { return SafetensorsFormat() }
    let ending = path.split(separator: "/").last?.split(separator: ".").last.map { $0.lowercased() } ?? ""
    if let choice = writable.first(where: { $0.extensions.contains(ending) }) { return choice.format }
    throw ValidationError("the extension of '\(path)' names no format that is written; --to names one of \(names)")
  }
}
