internal import TensorFerryHDF5Reading
internal import TensorFerryTensors

/// The rules of `tensorferry.weights/1`, by their numbers in `docs/reference/formats/hdf5.md`, as far as a description
/// of the file shows them.
struct HDF5ProfileCheck {
  private(set) var findings: [FormatFinding] = []

  private static let alignment: UInt64 = 64
  private static let largeAlignment: UInt64 = 4096
  private static let largeByteCount = 1 << 20

  init(_ inventory: HDF5Inventory) {
    checkRoot(inventory.attributes)
    // Texts are equal here if they look the same, as rule 17 wants it.
    var names: Set<String> = []
    for link in inventory.links {
      let name = String(link.path.dropFirst())
      if HDF5Format.problem(ofName: name) != nil { report(16, "the name is a path", link.path) }
      if !names.insert(name).inserted { report(17, "the name looks like another one", link.path) }
      guard case .dataset(let dataset) = link.target else {
        report(8, "every link of the root must lead to a dataset", link.path)
        continue
      }
      // A second name of a tensor; the first was judged.
      if dataset.path == link.path { check(dataset) }
    }
  }

  private mutating func report(
    _ rule: Int, _ reason: String, _ path: String, _ severity: FormatFinding.Severity = .error
  ) {
    findings.append(.init(severity, "rule \(rule) of \(HDF5Format.profile): \(reason)", place: .object(path)))
  }

  private mutating func checkRoot(_ attributes: [HDF5Attribute]) {
    func holds(_ name: String) -> Bool { attributes.contains { $0.name == name } }
    if !holds("producer") { report(1, "the attribute 'producer' is missing", "/", .warning) }
    for name in ["producer", "provenance", "model", "configuration"] where holds(name) && attributes.text(name) == nil {
      report(1, "the attribute '\(name)' is not one text", "/")
    }
    for name in ["provenance", "configuration"] {
      guard let text = attributes.text(name) else { continue }
      if (try? JSONValue(parsing: text).members) == nil {
        report(1, "the attribute '\(name)' is not a JSON object", "/")
      }
    }
    if holds("model") != holds("configuration") {
      report(2, "'model' and 'configuration' must both be there or both be absent", "/")
    }
  }

  private mutating func check(_ dataset: HDF5DatasetDescription) {
    switch dataset.storage {
    case .contiguous(let offset):
      let isLarge = dataset.byteCount >= Self.largeByteCount
      let alignment = isLarge ? Self.largeAlignment : Self.alignment
      if offset % alignment > 0 {
        report(12, "the data begins at byte \(offset), no multiple of \(alignment)", dataset.path)
      }
    case .empty: break
    case .compact: report(9, "the dataset is compact, it must be contiguous", dataset.path)
    case .chunked: report(9, "the dataset is chunked, it must be contiguous", dataset.path)
    case .unallocated: report(9, "the dataset was never written", dataset.path)
    case .refused(let reason): report(9, "the dataset must be contiguous: \(reason)", dataset.path)
    }
    if dataset.isBigEndian { report(10, "the elements are big-endian", dataset.path) }
    if dataset.isNull { report(11, "the dataspace is null", dataset.path) }
    guard case .tensor(let dtype) = HDF5TensorType(of: dataset, voidTypes: []) else {
      return report(20, "the elements are \(dataset.elementType), which no tensor has", dataset.path)
    }
    if dataset.attributes.contains(where: { $0.name == "dtype" }), !DType.taggedBytes.contains(dtype) {
      report(18, "the attribute 'dtype' is for 8-bit floats alone", dataset.path)
    }
    guard let hash = dataset.attributes.text("sha256") else {
      return report(15, "the attribute 'sha256' is missing, or is not one text", dataset.path)
    }
    let isHexadecimal = hash.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    if hash.utf8.count != 64 || !isHexadecimal {
      report(15, "the attribute 'sha256' is not 64 hexadecimal digits in lower case", dataset.path)
    }
  }
}
