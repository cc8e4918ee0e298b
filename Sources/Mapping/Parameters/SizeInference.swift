internal import TensorFerryTensors

/// Finds the sizes of a model from the shapes of its tensors, when some of them may be missing or wrong.
///
/// Every dimension of every tensor votes for the size that it stands for. The size with the clearest majority is
/// settled first; tensors that contradict what is settled lose their votes, or, if they would fit transposed, vote as
/// if they were. So one transposed matrix neither changes a size nor hides its own other dimension.
struct SizeInference {
  let patterns: [ParameterPattern]
  /// The shapes that were found, by parameter name.
  let shapes: [String: Shape]

  /// The sizes that the shapes determine. Ties go to the parameter that the model declares first.
  func solve() -> [String: Int] {
    var sizes: [String: Int] = [:]
    let names = Set(patterns.flatMap(\.dimensions).compactMap { if case .size(let name) = $0 { name } else { nil } })
    while sizes.count < names.count {
      guard
        let winner = votes(given: sizes).max(by: { $0.count < $1.count || $0.count == $1.count && $0.order > $1.order })
      else { break }
      sizes[winner.size] = winner.value
    }
    return sizes
  }

  private struct Vote {
    let size: String
    let value: Int
    var count: Int
    let order: Int
  }

  private func votes(given sizes: [String: Int]) -> [Vote] {
    var votes: [Vote] = []
    for pattern in patterns {
      guard let found = shapes[pattern.name]?.dimensions else { continue }
      let reading: [Int]
      if pattern.accepts(found, in: sizes) {
        reading = found
      } else if pattern.accepts(found.reversed(), in: sizes) {
        reading = found.reversed()
      } else {
        continue
      }
      for (dimension, value) in zip(pattern.dimensions, reading) {
        guard case .size(let name) = dimension, sizes[name] == nil else { continue }
        if let known = votes.firstIndex(where: { $0.size == name && $0.value == value }) {
          votes[known].count += 1
        } else {
          votes.append(Vote(size: name, value: value, count: 1, order: votes.count))
        }
      }
    }
    return votes
  }
}
