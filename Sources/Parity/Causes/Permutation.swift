/// Another order of rows, columns or elements: place `i` is to get what is at `order[i]`.
struct Permutation: Hashable {
  let order: [Int]

  /// Nil if it is no order of all places, or leaves each where it is.
  init?(_ order: [Int]) {
    guard Set(order) == Set(order.indices), order != Array(order.indices) else { return nil }
    self.order = order
  }

  /// One way to say it.
  struct Name {
    let id: String
    let place: String?
    let freeNumbers: Int
    /// Behind a noun in the plural.
    let predicate: String
  }

  /// Every way to say it, the one with the fewest numbers first.
  var names: [Name] {
    let count = order.count
    var names: [Name] = []
    let moved = order.indices.filter { order[$0] != $0 }
    if moved.count == 2 {
      names.append(
        Name(
          id: "swapped", place: "\(moved[0]), \(moved[1])", freeNumbers: 2,
          predicate: "\(moved[0]) and \(moved[1]) of # are swapped"))
    }
    if order == Array(order.indices.reversed()) {
      names.append(Name(id: "reversed", place: nil, freeNumbers: 0, predicate: "of # are in reverse order"))
    }
    if order.indices.allSatisfy({ order[$0] == (order[0] + $0) % count }) {
      // What is at `order[0]` belongs at 0.
      let shift = order[0] <= count / 2 ? order[0] : order[0] - count
      names.append(
        Name(id: "shifted", place: "\(shift)", freeNumbers: 1, predicate: "of # are shifted by \(shift)"))
    }
    for heads in 2..<max(2, count) where count % heads == 0 {
      let size = count / heads
      if order.indices.allSatisfy({ order[$0] == $0 % heads * size + $0 / heads }) {
        names.append(
          Name(
            id: "interleaved", place: "\(heads)", freeNumbers: 1,
            predicate: "of # are \(heads) blocks that should be interleaved"))
      }
    }
    for blocks in 2..<max(2, min(count, 65)) where count % blocks == 0 && count / blocks > 1 {
      let size = count / blocks
      let whole = (0..<blocks).allSatisfy { block in
        let start = order[block * size]
        return start % size == 0 && (0..<size).allSatisfy { order[block * size + $0] == start + $0 }
      }
      if whole {
        let sequence = (0..<blocks).map { String(order[$0 * size] / size) }.joined(separator: ", ")
        names.append(
          Name(
            id: "blocks_permuted", place: sequence, freeNumbers: blocks,
            predicate: "of # are \(blocks) blocks in the wrong order, which should be \(sequence)"))
        break
      }
    }
    names.append(
      Name(
        id: "permuted", place: nil, freeNumbers: count, predicate: "of # are in another order (\(moved.count) moved)"))
    return names.sorted { $0.freeNumbers < $1.freeNumbers }
  }

  /// Rolled, reversed, interleaved, or in blocks: what can be tried without having been found.
  static func usual(_ count: Int) -> [Permutation] {
    guard count > 1 else { return [] }
    let places = Array(0..<count)
    var orders: [[Int]] = [places.reversed()]
    for shift in 1..<count where shift <= 256 || count - shift <= 256 {
      orders.append(places.map { ($0 + shift) % count })
    }
    for parts in 2..<max(2, min(count, 65)) where count % parts == 0 && count / parts > 1 {
      let size = count / parts
      orders.append(places.map { $0 % parts * size + $0 / parts })
      orders.append(places.map { $0 % size * parts + $0 / size })
      if parts <= 4 {
        orders += arrangements(Array(0..<parts)).map { blocks in places.map { blocks[$0 / size] * size + $0 % size } }
      }
    }
    var seen: Set<Permutation> = []
    return orders.compactMap(Permutation.init).filter { seen.insert($0).inserted }
  }

  private static func arrangements(_ items: [Int]) -> [[Int]] {
    guard items.count > 1 else { return [items] }
    return items.indices.flatMap { index in
      var rest = items
      let first = rest.remove(at: index)
      return arrangements(rest).map { [first] + $0 }
    }
  }

  /// - Parameter matrix: `order.count` rows.
  func rows(of matrix: [Float], columns: Int) -> [Float] {
    order.flatMap { matrix[$0 * columns..<($0 + 1) * columns] }
  }

  func columns(of matrix: [Float]) -> [Float] {
    let count = order.count
    return matrix.indices.map { matrix[$0 / count * count + order[$0 % count]] }
  }
}
