internal import TensorFerryHDF5Reading
public import TensorFerryTensors

extension HDF5Format {
  /// The SHA-256 of every dataset that has one; in a file of ours, the rules of `docs/reference/formats/hdf5.md`.
  public func check(_ file: SourceFile, _ state: StateDict?) throws -> [FormatFinding] {
    let inventory: HDF5Inventory
    do {
      inventory = try reader.inventory(of: file.path)
    } catch let error as HDF5Error {
      return [.init(.error, error.cause)]
    }
    var findings: [FormatFinding] = []
    let profile = inventory.attributes.text("format")
    if profile == Self.profile {
      findings += HDF5ProfileCheck(inventory).findings
    } else if let profile, profile.hasPrefix("tensorferry.weights/") {
      findings.append(.init(.error, "the format is '\(profile)', '\(Self.profile)' is known", place: .object("/")))
    }
    let tensors = HDF5Tensors(file: file, format: Self.name, voidTypes: voidTypes)
    var seen: Set<HDF5ObjectIdentity> = []
    for link in inventory.links {
      guard case .dataset(let dataset) = link.target, seen.insert(dataset.identity).inserted,
        let stated = dataset.attributes.text("sha256")
      else { continue }
      let place = Place.object(link.path)
      do {
        guard case .tensor(let tensor) = try tensors.read(dataset, as: link.path, path: link.path) else { continue }
        let found = try tensor.sha256()
        if found != stated {
          findings.append(.init(.error, "the SHA-256 is \(found), the attribute has '\(stated)'", place: place))
        }
      } catch let error as any LocatedError {
        findings.append(.init(.error, error.reason, place: place))
      }
    }
    return findings
  }
}

extension [HDF5Attribute] {
  /// The value of an attribute that is one text, or nil.
  func text(_ name: String) -> String? {
    guard let attribute = first(where: { $0.name == name }), attribute.dimensions.isEmpty,
      case .strings(let texts) = attribute.value
    else { return nil }
    return texts.first
  }
}
