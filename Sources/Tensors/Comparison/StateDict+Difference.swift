/// What differs between two state dicts, tensor by tensor, whatever formats they came from.
public struct StateDictDifference: Sendable {
  /// One tensor that both have, and what differs of it.
  public struct Change: Sendable {
    public enum Kind: String, Sendable {
      /// The shapes differ.
      case shape
      /// The element types differ; the values may be the same.
      case dtype
      /// The bits differ.
      case bits
    }

    public let name: String
    public let kind: Kind
    public let left: LazyTensor
    public let right: LazyTensor
    /// Nil if the shapes differ or the types have no common values.
    public let comparison: TensorComparison?
  }

  public let onlyLeft: [String]
  public let onlyRight: [String]
  public let changes: [Change]
  /// How many tensors are equal bit for bit.
  public let equal: Int
  /// Groups of names that share storage on one side only.
  public let tiesOnlyLeft: [[String]]
  public let tiesOnlyRight: [[String]]
  /// The keys of metadata whose values differ or that one side lacks.
  public let metadata: [String]
  /// True if the names that both have stand in another order.
  public let orderDiffers: Bool

  /// True if nothing of the tensors differs: names, shapes, dtypes and bits.
  public var tensorsAreEqual: Bool { onlyLeft.isEmpty && onlyRight.isEmpty && changes.isEmpty }
}

extension StateDict {
  /// Compares with another state dict. Reads both once, piece by piece.
  public func difference(from other: StateDict) throws -> StateDictDifference {
    var changes: [StateDictDifference.Change] = []
    var equal = 0
    for element in self {
      guard let right = other[element.name] else { continue }
      let left = element.tensor
      let comparison: TensorComparison?
      let kind: StateDictDifference.Change.Kind
      if left.shape != right.shape {
        (kind, comparison) = (.shape, nil)
      } else if left.dtype != right.dtype {
        let bothReal = ElementLoader(left.dtype) != nil && ElementLoader(right.dtype) != nil
        (kind, comparison) = (.dtype, bothReal ? try left.compared(with: right) : nil)
      } else {
        let result = try left.compared(with: right)
        if result.equalBits == result.compared {
          equal += 1
          continue
        }
        (kind, comparison) = (.bits, result)
      }
      changes.append(.init(name: element.name, kind: kind, left: left, right: right, comparison: comparison))
    }
    let (mine, theirs) = (Set(sharedNames.map(Set.init)), Set(other.sharedNames.map(Set.init)))
    let keys = metadata.map(\.key) + other.metadata.map(\.key).filter { self.metadata($0) == nil }
    return StateDictDifference(
      onlyLeft: names.filter { other[$0] == nil },
      onlyRight: other.names.filter { self[$0] == nil },
      changes: changes,
      equal: equal,
      tiesOnlyLeft: sharedNames.filter { !theirs.contains(Set($0)) },
      tiesOnlyRight: other.sharedNames.filter { !mine.contains(Set($0)) },
      metadata: keys.filter { metadata($0) != other.metadata($0) },
      orderDiffers: names.filter { other[$0] != nil } != other.names.filter { self[$0] != nil })
  }
}
