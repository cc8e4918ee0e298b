internal import CTensorFerryHDF5

extension HDF5Inventory {
  /// The most strings, and the most bytes of strings of a fixed length, that ``texts(of:)`` reads.
  static let textLimit = 65_536
  static let textByteLimit = 16 << 20

  /// The strings of a dataset of one dimension, or nil if it has another shape, more than 65,536 of them, or is not
  /// stored in one piece, or if one is not UTF-8.
  ///
  /// Strings of a fixed length are read as every dataset is. Those of variable length lie in heaps that libhdf5 alone
  /// knows, so it reads them, within narrow limits, as it reads text attributes: no chunks, no filters, no other files,
  /// and as many references as the shape has elements.
  public func texts(of dataset: HDF5DatasetDescription) -> [String]? {
    guard case .string(let string) = dataset.elementType, dataset.dimensions.count == 1, !dataset.isNull,
      dataset.dimensions[0] <= UInt64(Self.textLimit)
    else { return nil }
    guard let file = try? HDF5File(opening: path),
      let object = try? file.dataset(String(dataset.path.dropFirst()))
    else { return nil }
    guard let length = string.fixedLength else {
      guard isOnePiece(object.handle, byteCount: 16 * dataset.dimensions[0]) else { return nil }
      return try? object.readStrings()
    }
    guard dataset.byteCount <= Self.textByteLimit, isOnePiece(object.handle, byteCount: UInt64(dataset.byteCount)),
      let bytes = try? object.readBytes()
    else { return nil }
    let texts = stride(from: 0, to: bytes.count, by: length).compactMap { string.text(of: bytes[$0..<$0 + length]) }
    return texts.count == Int(dataset.dimensions[0]) ? texts : nil
  }

  /// True if all of the data is in this file in one range or in the object's header, and has that size.
  private func isOnePiece(_ place: HDF5Handle, byteCount: UInt64) -> Bool {
    guard
      let properties = try? Identifier("read how it is stored", at: place, adopting: { H5Dget_create_plist(place.raw) })
    else { return false }
    let (layout, files, size) = Library.call {
      (H5Pget_layout(properties.raw), H5Pget_external_count(properties.raw), chdf5_dataset_storage_size(place.raw))
    }
    return (layout == H5D_CONTIGUOUS || layout == H5D_COMPACT) && files == 0 && size == byteCount
  }
}
