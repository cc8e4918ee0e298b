extension MetadataReader {
  /// What a dataset is and where its bytes are.
  ///
  /// - Parameter path: the first path at which it was found.
  func dataset(_ header: ObjectHeader, at address: UInt64, path: String) throws -> HDF5DatasetDescription {
    guard let typeMessage = header.first(.datatype), let spaceMessage = header.first(.dataspace) else {
      throw ParseError("it is neither group nor dataset nor datatype")
    }
    let type = try ParsedDatatype(body(of: typeMessage))
    let space = try ParsedDataspace(body(of: spaceMessage))
    let attributes = try attributes(of: header)
    guard let size = checkedByteCount(space.dimensions, elementSize: type.element.byteCount ?? 0) else {
      throw ParseError("\(space.dimensions) elements of \(type.element) are 2^63 bytes or more", code: .sizeOverflow)
    }
    func description(_ storage: HDF5Storage) -> HDF5DatasetDescription {
      HDF5DatasetDescription(
        path: path, identity: HDF5ObjectIdentity(file: file.number, address: address), elementType: type.element,
        isBigEndian: type.isBigEndian, dimensions: space.dimensions, isNull: space.isNull,
        byteCount: space.isNull ? 0 : size, storage: storage, attributes: attributes)
    }
    do {
      let result = description(try storage(header, type, space, byteCount: size))
      return result.problem(fileSize: file.byteCount).map { description(.refused(reason: $0)) } ?? result
    } catch let error as ChunkGrid.Refusal {
      return description(.refused(reason: error.reason))
    } catch let error as ParseError where error.code == .unsupportedStorage || error.code == .limitExceeded {
      return description(.refused(reason: error.reason))
    }
  }

  private func storage(
    _ header: ObjectHeader, _ type: ParsedDatatype, _ space: ParsedDataspace, byteCount: Int
  ) throws -> HDF5Storage {
    guard type.element.byteCount != nil else {
      return .refused(reason: "its elements are \(type.element), which are not plain bytes")
    }
    // Not looked at further: there are no chunks even where the layout has them.
    guard !space.isNull, !space.dimensions.contains(0) else { return .empty }
    guard let message = header.first(.layout) else { throw ParseError("nothing says how it is stored") }
    switch try ParsedLayout(body(of: message)) {
    case .compact(let data):
      guard data.remaining == byteCount, byteCount <= ParserLimits.compactBytes else {
        return .refused(reason: "it stores \(data.remaining) bytes in its header, its shape needs \(byteCount)")
      }
      try keep(bytes: byteCount)
      return .compact(Array(data.slice))
    case .contiguous(let address, let size):
      guard header.first(.externalFiles) == nil else { return .refused(reason: "its data is in other files") }
      guard let address, size != 0 else {
        guard let fill = try fill(of: header, type) else {
          return .refused(reason: "it was never written and has no fill value")
        }
        return .unallocated(fill: fill)
      }
      guard size == nil || size == UInt64(byteCount) else {
        return .refused(reason: "it stores \(size ?? 0) bytes, its shape needs \(byteCount)")
      }
      return .contiguous(offset: offset(of: address))
    case .chunked(let layout): return try chunkedStorage(header, layout, type, space)
    case .virtual: return .refused(reason: "it is a virtual dataset: its data is in other datasets or files")
    }
  }

  private func chunkedStorage(
    _ header: ObjectHeader, _ layout: ChunkLayout, _ type: ParsedDatatype, _ space: ParsedDataspace
  ) throws -> HDF5Storage {
    var filters: [HDF5ChunkFilter] = []
    if let message = header.first(.filters) {
      switch try ParsedFilters(body(of: message)) {
      case .known(let list): filters = list
      case .unknown(let reason): return .refused(reason: reason)
      }
    }
    let grid = try ChunkGrid(self, layout, space, elementSize: type.size, filters: filters)
    let chunks = try grid.chunks()
    return .chunked(
      HDF5ChunkIndex(
        chunkDimensions: grid.chunk, filters: filters,
        leavesPartialChunksUnfiltered: layout.leavesPartialChunksUnfiltered, chunks: chunks,
        fill: try chunks.contains(nil) ? fill(of: header, type) : nil))
  }
}
