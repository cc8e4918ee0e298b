/// What a PyTorch file may ask for. Every limit is compared before memory is taken, and its number is in the error.
enum PyTorchLimits {
  /// Bytes of one pickle. A checkpoint of 100,000 tensors needs about 12 MiB.
  static let pickleByteCount = 64 << 20
  /// Bytes of a pickle that is deflated, which PyTorch never does: these the file does not have.
  static let inflatedPickleByteCount = 16 << 20

  /// Opcodes that the first `position` bytes of a pickle may have. A tensor takes about 30 in 110 bytes.
  static func opcodes(in position: Int) -> Int { 2_000_000 + position / 2 }

  /// Containers, calls and storages that `stored` bytes of a file may make. A tensor takes 8 in 110 bytes, and memory
  /// is taken for each.
  static func objects(in stored: Int) -> Int { 150_000 + stored / 10 }

  /// Values in all containers and calls. A tensor takes 20 in 110 bytes.
  static func values(in stored: Int) -> Int { 400_000 + stored / 4 }

  /// Values and marks on the stack, and places in the memo. A tensor takes 9 places in 110 bytes; a dict that is not
  /// written in batches takes the stack for 2 values of each tensor.
  static func stack(in stored: Int) -> Int { 200_000 + stored / 10 }

  /// Bytes of texts that are put together from others, not read: names, devices, encoded text. A few bytes can ask
  /// for the same long ones again and again.
  static let madeByteCount = 8 << 20
  /// Bytes of all names with dots, above those of the pickle.
  static let nameByteCount = 16 << 20
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
