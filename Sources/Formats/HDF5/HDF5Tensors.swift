internal import TensorFerryHDF5Reading
internal import TensorFerryTensors

/// Makes tensors of the datasets that an inventory describes.
struct HDF5Tensors {
  enum Outcome {
    case tensor(LazyTensor)
    case other(StateDict.Other)
  }

  /// The file that holds the bytes.
  let file: SourceFile
  /// Where in it the HDF5 file that was described begins and how long it is, if it is a part of it.
  var part: Range<UInt64>?
  /// The name of the format in errors.
  let format: String
  /// What raw bytes hold.
  let voidTypes: VoidTypes

  func type(of dataset: HDF5DatasetDescription) -> HDF5TensorType { HDF5TensorType(of: dataset, voidTypes: voidTypes) }

  func read(_ dataset: HDF5DatasetDescription, as name: String, path: String) throws -> Outcome {
    func other(_ kind: String, _ reason: String, isRefused: Bool = false) -> Outcome {
      .other(.init(name: name, kind: kind, reason: reason, isRefused: isRefused))
    }
    if dataset.isNull { return other("null", "a null dataspace has no elements") }
    let dtype: DType
    switch type(of: dataset) {
    case .tensor(let known): dtype = known
    case .ambiguous(let reason):
      return .other(.init(name: name, kind: "raw bytes", reason: reason, isAmbiguous: true))
    case .refused(let reason): return other("dataset", reason, isRefused: true)
    case .noTensor: return other(dataset.elementType.kind, dataset.elementType.refusal)
    }
    if case .refused(let reason) = dataset.storage { return other("dataset", reason, isRefused: true) }
    let part = part ?? 0..<file.byteCount
    do {
      let shape = try Shape(dataset.dimensions.map { try Int(checking: $0) })
      let content: LazyTensor.Content
      if case .contiguous(let offset) = dataset.storage, !dataset.isBigEndian {
        let length = UInt64(part.count)
        guard offset <= length, UInt64(dataset.byteCount) <= length - offset else {
          throw TensorError(
            .truncatedFile, "\(dataset.byteCount) bytes from byte \(offset) on are needed, the file has \(length)")
        }
        content = .file(file, offset: part.lowerBound + offset)
      } else {
        let source = HDF5Source(file: file, part: part)
        content = .reader(
          HDF5Range(
            dataset: try HDF5DatasetReader(dataset, source: source), path: path, file: file, format: format))
      }
      return .tensor(try LazyTensor(dtype: dtype, shape: shape, content: content))
    } catch let error as HDF5Error {
      return other("dataset", error.cause, isRefused: true)
    } catch var error as TensorError {
      error.file = file.path
      error.format = format
      error.tensor = name
      error.place = error.place ?? .object(path)
      throw error
    }
  }
}

extension HDF5Link.Target {
  /// What stands in a list of what is not a tensor, or nil for groups and datasets.
  func other(_ name: String) -> StateDict.Other? {
    switch self {
    case .group, .dataset: nil
    case .committedDatatype: .init(name: name, kind: "datatype", reason: "a named datatype holds no elements")
    case .soft(let target):
      .init(name: name, kind: "soft link", reason: "points to '\(target)' and is not followed", isRefused: true)
    case .external(let file, let object):
      .init(
        name: name, kind: "external link", reason: "points to '\(object)' in the file '\(file)' and is not followed",
        isRefused: true)
    case .unreadable(let reason): .init(name: name, kind: "unreadable object", reason: reason, isRefused: true)
    }
  }
}

/// The open file, as the wrapper of HDF5, which knows no tensors, wants to see it.
private struct HDF5Source: HDF5ByteSource {
  let file: SourceFile
  /// Where the HDF5 file is in it.
  let part: Range<UInt64>

  var byteCount: UInt64 { UInt64(part.count) }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    let start = part.lowerBound.addingReportingOverflow(offset)
    guard !start.overflow else {
      throw TensorError(.truncatedFile, "byte \(offset) is behind the \(byteCount) of the file", file: file.path)
    }
    try file.read(at: start.partialValue, into: buffer)
  }
}

/// Reads a dataset whose bytes are not a plain range of the file, and says which it was when that fails.
private struct HDF5Range: RangeReader {
  let dataset: HDF5DatasetReader
  let path: String
  let file: SourceFile
  let format: String

  var sourceFiles: [SourceFile] { [file] }
  var pieceByteCount: Int { dataset.chunkRowByteCount ?? 1 }

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    do {
      try dataset.read(range, into: buffer)
    } catch let error as HDF5Error {
      throw WeightFileError(
        .malformed, error.cause, file: file.path, format: format, place: .object(path), underlying: error)
    }
  }
}

extension Int {
  fileprivate init(checking value: UInt64) throws {
    guard let value = Int(exactly: value) else {
      throw TensorError(.sizeOverflow, "the dimension \(value) exceeds 2^63 - 1")
    }
    self = value
  }
}
