internal import ArgumentParser
internal import TensorFerry

/// The format of an output, by the name that was given or by the file's extension.
enum FormatChoice {
  /// The formats that are written, by the names of `--to`, and the extensions that choose them.
  private static let writable: [(name: String, extensions: [String], format: any WeightFormat)] = [
    ("hdf5", ["h5", "hdf5"], HDF5Format(attributes: [("producer", Version.producer)])),
    ("safetensors", ["safetensors"], .safetensors),
  ]

  static var names: String { writable.map(\.name).joined(separator: ", ") }

  static func format(named name: String?, for path: String) throws -> any WeightFormat {
    if let name {
      if let choice = writable.first(where: { $0.name == name.lowercased() }) { return choice.format }
      throw ValidationError("'\(name)' is not a format that is written; these are: \(names)")
    }
    let ending = path.split(separator: "/").last?.split(separator: ".").last.map { $0.lowercased() } ?? ""
    if let choice = writable.first(where: { $0.extensions.contains(ending) }) { return choice.format }
    throw ValidationError("the extension of '\(path)' names no format that is written; --to names one of \(names)")
  }
}
