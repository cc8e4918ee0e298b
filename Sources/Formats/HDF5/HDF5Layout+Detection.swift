internal import TensorFerryHDF5Reading
internal import TensorFerryTensors

extension HDF5Layout {
  /// True if all names have `+` between parts and none has a dot, so that it can only stand for a separator: a program
  /// that replaced slashes, lest they become groups. With one name that has none, it could be part of a name.
  static func joinsByPlus(_ leaves: [String]) -> Bool {
    !leaves.isEmpty
      && leaves.allSatisfy { leaf in
        let parts = leaf.split(separator: "+", omittingEmptySubsequences: false)
        return parts.count > 1 && !parts.contains("") && !leaf.contains(".")
      }
  }

  /// True for files of PyTorch-BigGraph, of a model or of embeddings.
  static func isBigGraph(
    _ inventory: HDF5Inventory, _ datasets: [(path: String, dataset: HDF5DatasetDescription)]
  ) throws -> Bool {
    let version = inventory.attributes.first { $0.name == "format_version" }
    let isNamed = datasets.contains { $0.dataset.text(of: nameAttribute) != nil }
    let hasOptimizer = datasets.contains { path, dataset in
      path == optimizerPath && dataset.elementType == .opaque(size: 1, tag: "")
    }
    guard isNamed || (version != nil && hasOptimizer) else { return false }
    guard let version, version.member.value.int != 1 else { return true }
    throw WeightFileError(
      .unsupported,
      "its tensors have their names in '\(nameAttribute)', and its 'format_version' is "
        + "\(version.member.value.text().escapedForDisplay); the version that is read is 1")
  }

  /// The names that attributes give to tensors. Two hard links share the attributes, so the second one is called as
  /// its path says.
  static func names(of datasets: [(path: String, dataset: HDF5DatasetDescription)]) -> [ExactText: String] {
    var names: [ExactText: String] = [:]
    var seen: Set<HDF5ObjectIdentity> = []
    for (path, dataset) in datasets where seen.insert(dataset.identity).inserted {
      names[ExactText(path)] = dataset.text(of: nameAttribute)
    }
    return names
  }

  /// A dataset `keys` of strings beside the tensors, each of which is the name of one, none twice; nil if there is none.
  static func keyList(
    in inventory: HDF5Inventory, _ datasets: [(path: String, dataset: HDF5DatasetDescription)], _ kind: Kind,
    tensors: Set<ExactText>
  ) -> KeyList? {
    let group = if case .flatUnderGroup(let group) = kind { group } else { "" }
    let path = group + "/keys"
    guard let dataset = datasets.first(where: { $0.path == path })?.dataset,
      case .string = dataset.elementType, let keys = inventory.texts(of: dataset), !keys.isEmpty
    else { return nil }
    let paths = keys.map { "\(group)/\($0)" }
    let listed = Set(paths.map { ExactText($0) })
    guard listed.count == paths.count, listed.isSubset(of: tensors) else { return nil }
    return KeyList(path: path, paths: paths, listed: listed)
  }
}

extension String {
  /// The text with `%41` as `A`, as Python's `unquote` reads it; unchanged if that is not UTF-8 or a code is not one.
  var removingPercentCodes: String {
    var bytes: [UInt8] = []
    var rest = Array(utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2).compactMap { UnicodeScalar($0).properties.isASCIIHexDigit ? $0 : nil }
      guard digits.count == 2, let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else { return self }
      bytes.append(code)
      rest.removeFirst(2)
    }
    return String(validating: bytes, as: UTF8.self) ?? self
  }
}
