internal import ArgumentParser
internal import TensorFerry

/// The format of an output, by the name that was given or by the file's extension.
enum FormatChoice {
  /// The formats that are written.
  private static let writable: [any WeightFormat] = [
    HDF5Format(attributes: [("producer", Version.producer)]), SafetensorsFormat(), PyTorchFormat(), NPZFormat(),
    NumPyFormat(), GGUFFormat(),
  ]

  static var names: String { writable.map { type(of: $0).name }.joined(separator: ", ") }

  static func format(named name: String?, for path: String, shardSize: Int?) throws -> any WeightFormat {
    let format = try format(named: name, for: path)
    guard let shardSize else { return format }
    guard format is SafetensorsFormat else { throw ValidationError("only safetensors is written in shards") }
    return SafetensorsFormat(shardSize: shardSize)
  }

  private static func format(named name: String?, for path: String) throws -> any WeightFormat {
    if let name {
      if let choice = writable.first(where: { type(of: $0).name == name.lowercased() }) { return choice }
      throw ValidationError("'\(name)' is not a format that is written; these are: \(names)")
    }
    // An index is the name of a set of safetensors shards.
    if path.hasSuffix(".safetensors.index.json") { return SafetensorsFormat() }
    let ending = path.split(separator: "/").last?.split(separator: ".").last.map { $0.lowercased() } ?? ""
    if let choice = writable.first(where: { type(of: $0).extensions.contains(ending) }) { return choice }
    throw ValidationError("the extension of '\(path)' names no format that is written; --to names one of \(names)")
  }
}
