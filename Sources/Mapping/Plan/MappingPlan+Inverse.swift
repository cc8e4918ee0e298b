public import TensorFerryTensors

/// What a plan loses: something of the source that its result no longer tells.
public struct MappingLoss: Hashable, Sendable, CustomStringConvertible {
  /// The tensors of the source.
  public let sources: [String]
  public let reason: String
  /// Where the rule stands in the mapping file.
  public let place: Place?

  public var description: String {
    let names = sources.prefix(4).map { "'\($0.escapedForDisplay)'" }.joined(separator: ", ")
    return (place.map { "\($0): " } ?? "") + names + (sources.count > 4 ? " and \(sources.count - 4) more" : "")
      + ": " + reason
  }
}

extension MappingPlan {
  /// The plan that leads from the result back to the source, and what cannot be led back.
  ///
  /// Transforms are undone in reverse order; parts that rules took from one tensor are put together again if they are
  /// all of it.
  public func inverse() -> (plan: MappingPlan, losses: [MappingLoss]) {
    var inverted: [MappingStep] = []
    var losses: [MappingLoss] = []
    var pieces: [String: [Piece]] = [:]
    for step in steps.reversed() where !step.sources.isEmpty {
      do {
        inverted.append(try step.inverted(&pieces))
      } catch {
        losses.append(
          .init(
            sources: step.sources, reason: "\((error as? TransformMisfit)?.reason ?? "\(error)")", place: step.place))
      }
    }
    for (source, pieces) in pieces.sorted(by: { $0.key < $1.key }) {
      if let step = Piece.joined(pieces, as: source) {
        inverted.append(step)
      } else {
        losses.append(
          .init(
            sources: [source], reason: "only parts of it are taken",
            place: steps.first { $0.sources.contains(source) }?.place))
        inverted.removeAll { step in pieces.contains { step.targets.contains($0.name) } }
      }
    }
    losses += Dictionary(grouping: dropped) { name in mapping?.place(dropping: name) }.map {
      MappingLoss(sources: $0.value, reason: "dropped", place: $0.key)
    }
    let made = Set(inverted.flatMap(\.targets))
    return (
      MappingPlan(steps: inverted, sources: targets, targets: sources.filter(made.contains), file: file),
      losses.sorted { $0.description < $1.description }
    )
  }

  /// Maps a state dict and back, and compares the bits: the proof that nothing is lost.
  ///
  /// Reads every tensor twice, piece by piece.
  ///
  /// - Throws: ``MappingError`` if the plan has problems, and whatever reading throws.
  public func roundTrip(_ state: StateDict) throws -> MappingRoundTrip {
    let (inverse, losses) = inverse()
    let back = try inverse.apply(to: apply(to: state))
    let original = try selected(state)
    var result = MappingRoundTrip(losses: losses)
    for element in back {
      guard let tensor = original[element.name] else { continue }
      let comparison = try tensor.compared(with: element.tensor)
      result.compared += 1
      guard comparison.equalBits < comparison.compared else { continue }
      let step = steps.first { $0.sources.contains(element.name) }
      result.losses.append(
        .init(
          sources: [element.name],
          reason: "\(step?.operations ?? "") changes the bits of \(comparison.compared - comparison.equalBits) of "
            + "\(comparison.compared) elements for good",
          place: step?.place))
    }
    return result
  }
}

/// What came of mapping a state dict and back.
public struct MappingRoundTrip: Sendable {
  /// How many tensors of the source came back.
  public internal(set) var compared = 0
  /// What did not come back, or came back with other bits.
  public internal(set) var losses: [MappingLoss]

  /// True if every tensor of the source came back bit for bit.
  public var isLossless: Bool { losses.isEmpty }
}

extension WeightMapping {
  fileprivate func place(dropping name: String) -> Place? {
    rules.first { if case .drop(let glob) = $0.kind { glob.matches(name) } else { false } }?.place
  }
}

/// A part of a tensor that a rule took by a slice.
private struct Piece {
  /// What it is called between the inverted steps.
  let name: String
  let axis: Int
  let range: Range<Int>
  let type: TensorType
  let whole: TensorType

  /// The step that puts the pieces together, or nil if they are not all of the tensor.
  static func joined(_ pieces: [Piece], as source: String) -> MappingStep? {
    let sorted = pieces.sorted { $0.range.lowerBound < $1.range.lowerBound }
    guard let first = sorted.first, sorted.allSatisfy({ $0.axis == first.axis }) else { return nil }
    var end = 0
    for piece in sorted {
      guard piece.range.lowerBound == end else { return nil }
      end = piece.range.upperBound
    }
    guard end == first.whole.shape[first.axis] else { return nil }
    return MappingStep(
      sources: sorted.map(\.name), transforms: [.concatenate(axis: first.axis)], targets: [source],
      types: [sorted.map(\.type), [first.whole]])
  }
}

extension MappingStep {
  /// The step back. A slice of a source becomes a piece, which is put together with the others later.
  fileprivate func inverted(_ pieces: inout [String: [Piece]]) throws -> MappingStep {
    var transforms = transforms
    var results = targets
    var currentTypes = self.results
    if case .share? = transforms.last {
      transforms.removeLast()
      results = [targets[0]]
      currentTypes = [currentTypes[0]]
    }
    var inverse: [TensorTransform] = []
    var inverseTypes = [currentTypes]
    for (index, transform) in transforms.enumerated().reversed() {
      if index == 0, let range = transform.range(of: types[0][0]) {
        return MappingStep(
          sources: results, transforms: inverse,
          targets: sources.enumerated().map { number, source in
            let name = "$\(source):\(range.indices.lowerBound)"
            pieces[source, default: []].append(
              Piece(
                name: name, axis: range.axis, range: range.indices, type: types[1][number], whole: types[0][number]))
            return name
          }, types: inverseTypes, place: place)
      }
      guard let back = transform.inverse(of: types[index]) else { throw TransformMisfit(transform.lossReason) }
      inverse.append(back)
      inverseTypes.append(types[index])
    }
    return MappingStep(sources: results, transforms: inverse, targets: sources, types: inverseTypes, place: place)
  }
}

extension TensorTransform {
  /// The axis and indices of a slice of a tensor; nil for all other transforms.
  func range(of type: TensorType) -> (axis: Int, indices: Range<Int>)? {
    switch self {
    case .slice(let axis, let start, let end): return (axis, start..<end)
    case .part(let axis, let index, let count):
      let length = type.shape[axis] / count
      return (axis, index * length..<(index + 1) * length)
    default: return nil
    }
  }
}
