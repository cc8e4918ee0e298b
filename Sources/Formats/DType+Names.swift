internal import TensorFerryTensors

extension DType {
  /// The type of a name that programs write into attributes: ours (`BF16`, `f8_e4m3`), PyTorch's (`torch.bfloat16`) or
  /// that of numpy and ml_dtypes (`bfloat16`, `float8_e4m3fn`); nil for any other.
  ///
  /// `float8_e4m3` is none of them: in ml_dtypes it is a type with infinities, other than `float8_e4m3fn`.
  init?(nameInFile name: String) {
    let bare = name.hasPrefix("torch.") ? String(name.dropFirst(6)) : name
    let known = DType(rawValue: name.uppercased()) ?? PyTorchGlobal.dtypeNames.first { $1 == bare }?.key
    guard let known, VoidTypes.allows(known) else { return nil }
    self = known
  }
}
