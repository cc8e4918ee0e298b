public import TensorFerryTensors

extension NPZFormat {
  /// The CRC-32 of every member, arrays that cannot be mapped, members that are no arrays.
  public func check(_ file: SourceFile, _ state: StateDict?) throws -> [FormatFinding] {
    try FormatFinding.collecting { findings in
      let archive = try ZipArchive(file, format: Self.name)
      for member in archive.members {
        let place = Place.member(member.name)
        guard member.name.hasSuffix(".npy") else {
          findings.append(.init(.warning, "the name does not end in .npy, so that it is no array", place: place))
          continue
        }
        if !member.isStored {
          findings.append(.init(.warning, "the member is deflated, so that it cannot be mapped", place: place))
        } else if member.dataOffset % 64 > 0 {
          findings.append(
            .init(.warning, "the member begins at byte \(member.dataOffset), no multiple of 64", place: place))
        }
        findings += try FormatFinding.collecting { _ in try archive.verify(member) }
      }
    }
  }
}
