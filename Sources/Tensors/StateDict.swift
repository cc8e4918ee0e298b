internal import OrderedCollections

/// Ordered names and their lazy tensors, which names share storage, and metadata.
public struct StateDict: Sendable {
  public struct Element: Sendable {
    public let name: String
    public let tensor: LazyTensor
    /// The earlier name whose bytes this one shares, or nil if it has its own.
    public let aliasOf: String?
  }

  /// Something in the file that is not a tensor.
  public struct Other: Sendable, Hashable {
    public let name: String
    /// What it is: `string`, `opaque`, `null`, `soft link`, ...
    public let kind: String
    /// Why it is not a tensor.
    public let reason: String
    /// True if the file must not be imported or converted because of it, for example a link to another file.
    public let isRefused: Bool
    /// True if it is refused only because the file does not say which element type it has, which its reader may.
    public let isAmbiguous: Bool

    public init(name: String, kind: String, reason: String, isRefused: Bool = false, isAmbiguous: Bool = false) {
      self.name = name
      self.kind = kind
      self.reason = reason
      self.isRefused = isRefused || isAmbiguous
      self.isAmbiguous = isAmbiguous
    }
  }

  /// The file that a state dict was read from.
  public struct Origin: Sendable, Hashable {
    public let path: String
    /// The name of the format, for example `hdf5`.
    public let format: String
    /// How the tensors are arranged in it, for example `flat dotted names at the root`; nil where there is one way.
    public let layout: String?
    /// The size of the file in bytes.
    public let byteCount: UInt64

    public init(path: String, format: String, layout: String?, byteCount: UInt64) {
      self.path = path
      self.format = format
      self.layout = layout
      self.byteCount = byteCount
    }
  }

  // Names differ where their bytes do, as they do in Python.
  private var entries: OrderedDictionary<ExactText, (tensor: LazyTensor, aliasOf: String?)> = [:]
  /// Values beside the tensors, in the file's order.
  public var metadata: [JSONValue.Member] = []
  /// What else the file holds.
  public var others: [Other] = []
  public var origin: Origin?

  public init() {}

  /// Adds a tensor at the end.
  ///
  /// - Parameter aliasOf: an earlier name that shares the same bytes, dtype and shape.
  /// - Throws: ``TensorError`` with code `.duplicateName` if the name is taken, `.badAlias` if `aliasOf` is absent,
  ///   itself an alias, or differs in dtype or shape.
  public mutating func append(_ name: String, _ tensor: LazyTensor, aliasOf: String? = nil) throws {
    if let aliasOf {
      guard let owner = entries[ExactText(aliasOf)], owner.aliasOf == nil, owner.tensor.dtype == tensor.dtype,
        owner.tensor.shape == tensor.shape
      else {
        throw TensorError(.badAlias, "cannot share the storage of '\(aliasOf)'", file: origin?.path, tensor: name)
      }
    }
    if let first = entries.updateValue((tensor, aliasOf), forKey: ExactText(name)) {
      entries[ExactText(name)] = first
      throw TensorError(.duplicateName, "the name appears twice", file: origin?.path, tensor: name)
    }
  }

  /// Takes memory for so many tensors at once.
  package mutating func reserveCapacity(_ count: Int) { entries.reserveCapacity(count) }

  /// The tensor of that name, or nil. O(1).
  public subscript(name: String) -> LazyTensor? { entries[ExactText(name)]?.tensor }

  /// The names in order.
  public var names: [String] { entries.keys.map(\.text) }

  /// The names that share storage, each group in order, groups in the order of their first name.
  public var sharedNames: [[String]] {
    var groups: OrderedDictionary<ExactText, [String]> = [:]
    for (name, entry) in entries {
      if let owner = entry.aliasOf { groups[ExactText(owner), default: [owner]].append(name.text) }
    }
    return Array(groups.values)
  }

  /// The same state dict, whose tensors tell an observer of every read.
  package func observed(by observer: any ReadObserver) -> StateDict {
    var copy = self
    for (name, entry) in entries { copy.entries[name] = (entry.tensor.observed(by: observer), entry.aliasOf) }
    return copy
  }

  /// The metadata value of that key, or nil.
  public func metadata(_ key: String) -> JSONValue? { metadata.first { $0.key == key }?.value }
}

extension StateDict: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { entries.count }

  public subscript(position: Int) -> Element {
    let (name, entry) = entries.elements[position]
    return Element(name: name.text, tensor: entry.tensor, aliasOf: entry.aliasOf)
  }
}
