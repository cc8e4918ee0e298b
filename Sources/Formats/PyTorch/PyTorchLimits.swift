/// What a PyTorch file may ask for. Every limit is compared before memory is taken, and its number is in the error.
enum PyTorchLimits {
  /// Bytes of one pickle. A checkpoint of 100,000 tensors needs about 12 MiB.
  static let pickleByteCount = 64 << 20

  /// Opcodes that the first `position` bytes of a pickle may have. A tensor takes about 30 in 110 bytes.
  static func opcodes(in position: Int) -> Int { 2_000_000 + position / 2 }

  /// Containers, calls and storages that the first `position` bytes of a pickle may make. A tensor takes 8 in 110
  /// bytes, and memory is taken for each.
  static func objects(in position: Int) -> Int { 200_000 + position / 8 }

  /// Values on the stack of one pickle.
  static let stack = 1_000_000
  /// The largest number in a memo.
  static let memo = 1_000_000
  /// Digits of an integer that is written as text.
  static let digits = 100
  /// How deep dicts, lists, tuples and modules nest, which is also how deep metadata may nest.
  static let nesting = 64
  /// Values that are reached from the root, counted once for every path to them, are at most this many and
  /// `repetition` times those in the pickle: a few shared lists can have more paths than a computer could follow.
  static let visits = 100_000
  static let repetition = 16
  /// Dimensions of a tensor, as PyTorch has it.
  static let rank = 64
  /// Bytes of a tensor that repeats the elements of its storage (a stride of 0), if it is larger than the storage.
  static let expandedByteCount = 4 << 30
  /// Bytes of a small member such as `byteorder`.
  static let recordByteCount = 4096
}
