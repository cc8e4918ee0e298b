package import TensorFerryTensors

extension PyTorchFormat {
  /// Reads a pickle that stands by itself, without the archive around it: the door for mutation tests and fuzzing.
  ///
  /// - Parameter storage: what every reference to a storage of its size finds; any other size is an error.
  /// - Throws: ``WeightFileError`` or ``TensorError``, never anything else, whatever the bytes are.
  package static func stateDict(ofPickle bytes: [UInt8], storage: LazyTensor) throws -> StateDict {
    var reader = PickleReader(bytes, member: "data.pkl")
    return try PyTorchCheckpoint.read(try PickleMachine.load(&reader), OneStorage(bytes: storage), stem: "x")
  }
}

private struct OneStorage: PyTorchStorages {
  let bytes: LazyTensor

  func storage(_ id: PyTorchStorageID) throws -> PyTorchStorage {
    guard id.byteCount == bytes.byteCount else {
      throw WeightFileError(.malformed, "a storage is referred to that has not \(bytes.byteCount) bytes")
    }
    return PyTorchStorage(bytes: bytes, checksum: nil, isBigEndian: false)
  }
}
