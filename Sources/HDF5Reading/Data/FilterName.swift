/// What filters are called whose numbers are registered with The HDF Group, or that belong to libhdf5.
package enum FilterName {
  /// h5py's filter over liblzf.
  package static let lzf: Int32 = 32000

  private static let names: [Int32: String] = [
    1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 305: "lzo", 307: "bzip2",
    32000: "lzf", 32001: "blosc", 32002: "mafisc", 32003: "snappy", 32004: "lz4", 32008: "bitshuffle", 32009: "spdp",
    32010: "lpc-rice", 32013: "zfp", 32014: "fpzip", 32015: "zstd", 32016: "b3d", 32017: "sz", 32018: "fcidecomp",
    32022: "bitgroom", 32023: "granular bitround", 32024: "sz3", 32025: "delta-rice", 32026: "blosc2", 32027: "flac",
    32028: "sperr",
  ]

  /// Why a dataset with this filter is not read.
  ///
  /// - Parameters:
  ///   - text: what the file calls the filter; for a number that is known, it is not believed.
  ///   - filters: those before it in the pipeline.
  package static func refusal(of number: Int32, calledInFile text: String, behind filters: [HDF5ChunkFilter]) -> String
  {
    let name = names[number] ?? (text.isEmpty ? "without a name" : text)
    let what = "its chunks are filtered by number \(number) (\(name))"
    if number == 2 { return what + " without the width of an element" }
    let isSecond = [1, lzf].contains(number) && filters.contains(where: \.isCompression)
    return what + (isSecond ? " behind another compression, which is not read" : ", which is not read")
  }
}

extension HDF5ChunkFilter {
  /// True if the filter changes the size by an amount that only its output tells.
  package var isCompression: Bool { self == .deflate || self == .lzf }
}
