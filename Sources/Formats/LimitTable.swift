internal import TensorFerryHDF5Reading

/// What a file may ask for before it is refused, in one table; `docs/reference/limits.md` is made of it.
///
/// Each number stands beside the code that compares with it, before memory is taken, and in the error.
package enum LimitTable {
  package struct Row: Sendable {
    package let format: String
    package let what: String
    package let limit: String
  }

  package static let rows: [Row] = safetensors + pytorch + zip + numpy + gguf + onnx + hdf5

  private static func row(_ format: String, _ what: String, _ limit: some BinaryInteger) -> Row {
    Row(format: format, what: what, limit: String(limit))
  }

  private static let safetensors: [Row] = [
    row("safetensors", "bytes of the header, or of an index", SafetensorsLimits.headerByteCount),
    row("safetensors", "tensors", SafetensorsLimits.tensorCount),
    row("safetensors", "bytes of a name", SafetensorsLimits.nameByteCount),
    row("safetensors", "dimensions", SafetensorsLimits.rank),
    row("safetensors", "bytes of the metadata", SafetensorsLimits.metadataByteCount),
    row("safetensors", "shards of a set", SafetensorsLimits.shardCount),
  ]

  private static let pytorch: [Row] = [
    row("pytorch", "bytes of a pickle", PyTorchLimits.pickleByteCount),
    row("pytorch", "bytes of a pickle that is deflated", PyTorchLimits.inflatedPickleByteCount),
    row("pytorch", "opcodes in a pickle of no bytes; half an opcode more for each byte", PyTorchLimits.opcodes(in: 0)),
    row("pytorch", "objects in a file of no bytes; one more for 10 bytes", PyTorchLimits.objects(in: 0)),
    row("pytorch", "values in a file of no bytes; one more for 4 bytes", PyTorchLimits.values(in: 0)),
    row("pytorch", "places on stack and in memo; one more for 10 bytes", PyTorchLimits.stack(in: 0)),
    row("pytorch", "bytes of texts that are put together from others", PyTorchLimits.madeByteCount),
    row("pytorch", "digits of an integer that is text", PyTorchLimits.digits),
    row("pytorch", "levels of nesting", PyTorchLimits.nesting),
    row("pytorch", "dimensions", PyTorchLimits.rank),
    row("pytorch", "bytes of a tensor that repeats its storage", PyTorchLimits.expandedByteCount),
  ]

  private static let zip: [Row] = [
    row("zip", "members", ZipLimits.default.memberCount),
    row("zip", "bytes of the central directory", ZipLimits.default.directoryByteCount),
    row("zip", "bytes of a deflated member that inflates to any ratio", ZipLimits.default.freeByteCount),
    row("zip", "ratio of a larger deflated member", ZipLimits.default.expansion),
  ]

  private static let numpy: [Row] = [
    row("numpy", "bytes of the header", NumPyLimits.headerByteCount),
    row("numpy", "dimensions", NumPyLimits.rank),
    row("numpy", "digits of a dimension", NumPyLimits.dimensionDigits),
    row("numpy", "bytes of texts in an archive", NumPyLimits.textByteCount),
  ]

  private static let gguf: [Row] = [
    row("gguf", "bytes before the data", GGUFLimits.headerByteCount),
    row("gguf", "tensors", GGUFLimits.tensorCount),
    row("gguf", "key-value pairs", GGUFLimits.pairCount),
    row("gguf", "elements of all arrays in the metadata", GGUFLimits.arrayElementCount),
    row("gguf", "levels of arrays", GGUFLimits.arrayDepth),
    row("gguf", "bytes of a key", GGUFLimits.keyByteCount),
    row("gguf", "bytes of a text", GGUFLimits.textByteCount),
    row("gguf", "bytes of a name", GGUFLimits.nameByteCount),
    row("gguf", "dimensions", GGUFLimits.rank),
    row("gguf", "alignment", GGUFLimits.alignments.upperBound),
    row("gguf", "parts of a split model", GGUFLimits.partCount),
  ]

  private static let onnx: [Row] = [
    row("onnx", "dimensions", ONNXLimits.rank),
    row("onnx", "bytes of the name and the documentation", ONNXLimits.textByteCount),
    row("onnx", "pieces of the data", ONNXLimits.pieceCount),
  ]

  private static let hdf5: [Row] = [
    row("hdf5", "bytes of a chunk, decoded", HDF5DatasetDescription.chunkByteLimit),
    row(
      "hdf5", "bytes of a dataset that has stored less than a thousandth of them",
      HDF5DatasetDescription.sparseByteLimit),
    row("hdf5", "links, a group with two names counted twice", ParserLimits.links),
    row("hdf5", "groups inside each other", ParserLimits.depth),
    row("hdf5", "attributes of an object", ParserLimits.attributes),
    row("hdf5", "bytes of the attributes of an object", ParserLimits.attributeBytes),
    row("hdf5", "chunks of a dataset", ParserLimits.chunks),
    row("hdf5", "bytes of a structure that is read in one piece", ParserLimits.structureBytes),
    row("hdf5", "blocks of an object header", ParserLimits.headerBlocks),
    row("hdf5", "messages of an object header", ParserLimits.headerMessages),
    row("hdf5", "levels of a tree or heap", ParserLimits.levels),
    row("hdf5", "filters of a dataset", ParserLimits.filters),
    row("hdf5", "dimensions", ParserLimits.rank),
    row("hdf5", "bytes of compact data", ParserLimits.compactBytes),
    row("hdf5", "strings of a dataset that lists names", ParserLimits.texts),
    row("hdf5", "bytes of strings of a dataset that lists names", ParserLimits.textBytes),
    row(
      "hdf5", "bytes of metadata in an empty file; four more for each of its bytes", ParserLimits.workBytes(fileSize: 0)
    ),
    row(
      "hdf5", "bytes of names and attributes in an empty file; one more for each byte",
      ParserLimits.keptBytes(fileSize: 0)),
    row("hdf5", "chunks of an empty file; one more for 1024 bytes", ParserLimits.keptChunks(fileSize: 0)),
  ]
}
