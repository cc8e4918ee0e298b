internal import TensorFerryTensors

/// Where in an archive the bytes of a tensor begin: at a multiple of `alignment`, but for `residue`.
struct MemberPlace {
  let alignment: UInt64
  let residue: UInt64

  /// A tensor of 1 MiB or more gets whole pages, or, if it lies in a file as it is at a multiple of the alignment, the
  /// same place modulo 4096 as there, so that file systems can share its bytes.
  ///
  /// - Parameters:
  ///   - alignment: what smaller tensors begin at a multiple of; a divisor of 4096.
  ///   - headerByteCount: the bytes of the member before those of the tensor.
  init(of tensor: LazyTensor, alignment: UInt64, behind headerByteCount: Int = 0) {
    guard tensor.byteCount >= 1 << 20 else {
      self.alignment = alignment
      residue = 0
      return
    }
    let block = RangeCopy.blockByteCount
    let kept = tensor.sharingResidue.flatMap { $0 % alignment == 0 ? $0 : nil } ?? 0
    self.alignment = block
    residue = (kept + block - UInt64(headerByteCount) % block) % block
  }
}
