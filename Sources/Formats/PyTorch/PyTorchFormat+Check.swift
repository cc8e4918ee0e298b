public import TensorFerryTensors

extension PyTorchFormat {
  /// The CRC-32 of every record, the alignment of storages, records that say how to read the others, storages that no
  /// tensor uses.
  public func check(_ file: SourceFile, _ state: StateDict?) throws -> [FormatFinding] {
    var findings = (state?.others ?? []).filter { !$0.isRefused && $0.kind == "storage" }.map {
      FormatFinding(.warning, $0.reason, place: .member($0.name))
    }
    guard try ZipArchive.firstName(in: file) != nil else {
      return findings + [
        .init(.warning, "the file is in the form of before PyTorch 1.6, which has no checksums and cannot be mapped")
      ]
    }
    findings += try FormatFinding.collecting { findings in
      let archive = try ZipArchive(file, format: Self.name)
      findings += Self.missingRecords(of: archive)
      for member in archive.members {
        if member.name.contains("/data/") { findings += Self.storageFindings(member) }
        findings += try FormatFinding.collecting { _ in try archive.verify(member) }
      }
    }
    return findings
  }

  private static func storageFindings(_ member: ZipMember) -> [FormatFinding] {
    var findings: [FormatFinding] = []
    let place = Place.member(member.name)
    if !member.isStored {
      findings.append(.init(.warning, "the storage is deflated, so that it cannot be mapped", place: place))
    } else if member.dataOffset % 64 > 0 {
      findings.append(
        .init(.warning, "the storage begins at byte \(member.dataOffset), no multiple of 64", place: place))
    }
    if !member.hasChecksum { findings.append(.init(.warning, "the storage has no checksum", place: place)) }
    return findings
  }

  /// Records that PyTorch 2 writes, without which a reader has to guess.
  private static func missingRecords(of archive: ZipArchive) -> [FormatFinding] {
    guard let pickle = archive.members.first(where: { PyTorchArchive.isPickle($0.name) }) else { return [] }
    let folder = pickle.name.dropLast("data.pkl".count)
    var findings: [FormatFinding] = []
    if archive[folder + "byteorder"] == nil {
      findings.append(.init(.warning, "the record 'byteorder' is missing, little-endian is assumed"))
    }
    // Ours have the alignment without the version; see ``PyTorchWriter``.
    if archive[folder + ".format_version"] == nil, archive[folder + ".storage_alignment"] == nil {
      findings.append(
        .init(
          .warning,
          "the records '.format_version' and '.storage_alignment' are missing, as before PyTorch 2.7: "
            + "programs have to look where storages begin"))
    }
    return findings
  }
}
