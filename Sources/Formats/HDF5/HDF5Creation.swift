#if LibHDF5
  internal import TensorFerryHDF5
  internal import TensorFerryTensors

  /// Makes a file of our profile in which every tensor has its place, and nothing in it yet.
  struct HDF5Creation {
    /// Text attributes of the root group, in order.
    let attributes: [(name: String, value: String)]

    /// Tensors from this size on begin at a multiple of ``largeAlignment``, so that file systems can share their pages.
    private static let largeByteCount = 1 << 20
    private static let largeAlignment: UInt64 = 4096
    private static let alignment: UInt64 = 64

    /// The tensors whose hashes are to be noted when they are known.
    func large(in state: StateDict) -> [StateDict.Element] { state.filter(Self.isLarge) }

    /// Creates the file; all but the large tensors get their hashes.
    ///
    /// - Returns: where in it the bytes of each tensor go that has some.
    func places(for state: StateDict, at path: String) throws -> [(LazyTensor, UInt64)] {
      var places = try create(state, at: path)
      let large = large(in: state)
      if !large.isEmpty { places += try allocate(large, in: path) }
      return places
    }

    /// Creates all objects in order and allocates the small tensors; returns where those begin.
    private func create(_ state: StateDict, at path: String) throws -> [(LazyTensor, UInt64)] {
      let options = HDF5FileOptions(
        tracksCreationOrder: true, alignment: Self.alignment, tracksFreeSpace: false, isLocked: false)
      return try HDF5File.create(at: path, options: options) { file in
        try file.setAttribute("format", .strings([HDF5Format.profile]))
        for (name, value) in attributes { try file.setAttribute(name, .strings([value])) }
        let metadata = state.metadata.filter { member in !attributes.contains { $0.name == member.key } }
        if !metadata.isEmpty { try file.setAttribute("metadata", .strings([JSONValue.object(metadata).text()])) }

        var places: [(LazyTensor, UInt64)] = []
        for element in state {
          if let owner = element.aliasOf {
            try file.createHardLink(element.name, to: owner)
            continue
          }
          guard let type = element.tensor.dtype.hdf5 else { continue }
          let dataset = try file.createDataset(
            element.name, type, dimensions: element.tensor.shape.dimensions.map(UInt64.init),
            options: HDF5DatasetOptions(
              layout: Self.isLarge(element) ? .contiguous : .contiguousAllocatedEarly, tracksAttributeOrder: true))
          if DType.taggedBytes.contains(element.tensor.dtype) {
            try dataset.setAttribute("dtype", .strings([element.tensor.dtype.rawValue]))
          }
          if Self.isLarge(element) { continue }
          try dataset.setAttribute("sha256", .strings([element.tensor.unobserved.sha256()]))
          if element.tensor.byteCount > 0 {
            places.append((element.tensor, try Self.offset(of: dataset)))
          }
        }
        return places
      }
    }

    /// Allocates the large tensors; HDF5 has one alignment for an open file, so the file is opened again.
    private func allocate(_ large: [StateDict.Element], in path: String) throws -> [(LazyTensor, UInt64)] {
      let options = HDF5FileOptions(
        alignment: Self.largeAlignment, alignmentThreshold: UInt64(Self.largeByteCount), isLocked: false)
      return try HDF5File.update(at: path, options: options) { file in
        try large.map { element in
          let dataset = try file.dataset(element.name)
          // Writing one element allocates all of them.
          let zeros = [UInt8](repeating: 0, count: element.tensor.dtype.bitWidth / 8)
          let rank = element.tensor.shape.rank
          let first = HDF5Hyperslab(start: .init(repeating: 0, count: rank), count: .init(repeating: 1, count: rank))
          try dataset.write(bytes: zeros, to: first)
          return (element.tensor, try Self.offset(of: dataset))
        }
      }
    }

    /// Adds the hashes of the large tensors.
    func note(_ hashes: some Sequence<(StateDict.Element, String)>, in path: String) throws {
      try HDF5File.update(at: path, options: HDF5FileOptions(isLocked: false)) { file in
        for (element, hash) in hashes { try file.dataset(element.name).setAttribute("sha256", .strings([hash])) }
      }
    }

    private static func isLarge(_ element: StateDict.Element) -> Bool {
      element.aliasOf == nil && element.tensor.byteCount >= largeByteCount
    }

    private static func offset(of dataset: borrowing HDF5Dataset) throws -> UInt64 {
      guard let offset = try dataset.fileOffset() else {
        throw WeightFileError(
          .unwritable, "libhdf5 allocated no space for it", format: HDF5Format.name, place: .object(dataset.path))
      }
      return offset
    }
  }
#endif
