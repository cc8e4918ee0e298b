import CTensorFerryHDF5
import Foundation
import TensorFerryHDF5
import Testing

@Suite struct PartialChunkTests {
  /// h5py cannot ask for it, so the C library writes the file, and h5py says what is in it.
  @Test("chunks that stick out and were stored without filters are read with h5py's bytes")
  func unfiltered() throws {
    try withScratch { scratch in
      let path = scratch.path("partial.h5")
      #expect(Library.call { write(path) } >= 0)
      let expected = try scratch.h5py(path, [], "print(h5py.File(path)['x'][()].tobytes().hex())")
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      guard case .chunked(let index) = description.storage else {
        Issue.record("\(description.storage)")
        return
      }
      #expect(index.leavesPartialChunksUnfiltered)
      // 2 x 2 whole chunks are filtered; the others have the size of their elements.
      #expect(index.chunks.compactMap(\.?.storedSize).count { $0 == 3 * 4 * 8 } == 5)
      #expect(try HDF5DatasetReader(description, source: MemorySource(path)).read().hex + "\n" == expected)
    }
  }

  private func write(_ path: String) -> Int32 {
    let access = H5Pcreate(chdf5_class_file_access())
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110)
    let file = H5Fcreate(path, chdf5_truncate(), chdf5_default(), access)
    let properties = H5Pcreate(chdf5_class_dataset_creation())
    H5Pset_chunk(properties, 2, [3, 4])
    H5Pset_shuffle(properties)
    H5Pset_deflate(properties, 6)
    H5Pset_fletcher32(properties)
    H5Pset_chunk_opts(properties, chdf5_partial_chunks_unfiltered())
    let space = H5Screate_simple(2, [7, 10], nil)
    let dataset = H5Dcreate2(file, "x", chdf5_f64le(), space, chdf5_default(), properties, chdf5_default())
    let values = (0..<70).map { Double($0) * 1.5 - 7 }
    let status = H5Dwrite(dataset, chdf5_f64le(), chdf5_all(), chdf5_all(), chdf5_default(), values)
    H5Dclose(dataset)
    H5Sclose(space)
    H5Pclose(properties)
    H5Fclose(file)
    H5Pclose(access)
    return status
  }
}
