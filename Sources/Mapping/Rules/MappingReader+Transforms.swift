internal import TensorFerryTensors

extension MappingReader {
  private static let names = [
    "transpose", "permute", "reshape", "slice", "split", "concatenate", "stack", "unstack", "reorder", "reorder_gates",
    "cast", "add", "scale", "weight_norm", "batch_norm", "share",
  ]

  /// Reads a transform: its name, or an object with its name as the only key.
  mutating func transform(_ value: LocatedValue) -> TensorTransform? {
    let key: LocatedValue
    let argument: LocatedValue
    if value.string != nil {
      (key, argument) = (value, LocatedValue(.null, place: value.place))
    } else if let members = value.members, members.count == 1 {
      (key, argument) = members[0]
    } else {
      report("a transform is a name or an object with one key, this is \(value.description)", value)
      return nil
    }
    let count = problems.count
    let transform = transform(key, argument)
    if transform == nil, problems.count == count {
      report("'\(key.string ?? "")' does not take \(argument.description)", argument, suggestion: usage(key.string))
    }
    return transform
  }

  private mutating func transform(_ key: LocatedValue, _ argument: LocatedValue) -> TensorTransform? {
    switch key.string {
    case "transpose": return isAbsent(argument) ? .transpose : nil
    case "permute": return integers(argument).map { .permute($0) }
    case "reshape": return integers(argument).map { .reshape($0) }
    case "slice": return slice(argument)
    case "split":
      guard var members = members(argument, ["axis", "parts", "sizes"]) else { return nil }
      let axis = members.integer("axis") ?? 0
      if let parts = members.integer("parts") { return members.isDone ? .split(axis: axis, parts: parts) : nil }
      return members.integers("sizes").flatMap { members.isDone ? .splitSizes(axis: axis, $0) : nil }
    case "concatenate": return axis(argument).map { .concatenate(axis: $0) }
    case "stack": return axis(argument).map { .stack(axis: $0) }
    case "unstack": return axis(argument).map { .unstack(axis: $0) }
    case "weight_norm": return axis(argument).map { .weightNorm(axis: $0) }
    case "reorder":
      guard var members = members(argument, ["axis", "order"]), let order = members.integers("order") else {
        return nil
      }
      return .reorder(axis: members.integer("axis") ?? 0, order)
    case "reorder_gates": return gates(argument)
    case "cast":
      if let types = argument.array {
        let dtypes = types.compactMap { dtype($0) }
        return dtypes.count == types.count ? .castEach(dtypes) : nil
      }
      return dtype(argument).map { .cast($0) }
    case "add": return argument.double.map { .add($0) }
    case "scale": return argument.double.map { .scale($0) }
    case "batch_norm":
      if isAbsent(argument) { return .batchNorm(epsilon: 1e-5) }
      guard var members = members(argument, ["epsilon"]) else { return nil }
      return members.double("epsilon").flatMap { $0 >= 0 ? .batchNorm(epsilon: $0) : nil }
    case "constant": return constant(argument)
    case "share": return isAbsent(argument) ? .share(0) : nil
    default:
      unknown(key, among: Self.names)
      return nil
    }
  }

  private func isAbsent(_ value: LocatedValue) -> Bool { if case .null = value.kind { true } else { false } }

  private func integers(_ value: LocatedValue) -> [Int]? {
    let numbers = value.array?.compactMap(\.integer)
    return numbers?.count == value.array?.count ? numbers : nil
  }

  /// An axis: a number, an object with `axis`, or nothing for axis 0.
  private mutating func axis(_ value: LocatedValue) -> Int? {
    if isAbsent(value) { return 0 }
    if let axis = value.integer { return axis }
    guard var members = members(value, ["axis"]) else { return nil }
    return members.integer("axis")
  }

  private mutating func slice(_ value: LocatedValue) -> TensorTransform? {
    guard var members = members(value, ["axis", "start", "end", "index", "of"]) else { return nil }
    let axis = members.integer("axis") ?? 0
    if let index = members.integer("index"), let count = members.integer("of") {
      return members.isDone ? .part(axis: axis, index: index, of: count) : nil
    }
    guard let start = members.integer("start"), let end = members.integer("end"), members.isDone else { return nil }
    return .slice(axis: axis, start: start, end: end)
  }

  /// `{axis: 0, from: ifgo, to: iofg}`: each letter is a gate.
  private mutating func gates(_ value: LocatedValue) -> TensorTransform? {
    guard var members = members(value, ["axis", "from", "to"]), let from = members.text("from"),
      let to = members.text("to")
    else { return nil }
    let order = to.compactMap { gate in from.firstIndex(of: gate).map { from.distance(from: from.startIndex, to: $0) } }
    guard order.count == from.count, Set(order).count == order.count, to.count == from.count else {
      report("the gates '\(from.escapedForDisplay)' and '\(to.escapedForDisplay)' are not the same", value)
      return nil
    }
    return .reorder(axis: members.integer("axis") ?? 0, order)
  }

  /// The members of an object, of which all are to be known.
  private mutating func members(_ value: LocatedValue, _ known: [String]) -> Members? {
    guard let members = value.members else { return nil }
    let unknown = members.filter { member in !known.contains { $0 == member.key.string } }
    unknown.forEach { self.unknown($0.key, among: known) }
    return unknown.isEmpty ? Members(members) : nil
  }

  private struct Members {
    private var values: [String: LocatedValue] = [:]

    init(_ members: [(key: LocatedValue, value: LocatedValue)]) {
      for (key, value) in members { values[key.string ?? ""] = value }
    }

    /// True if every member was taken.
    var isDone: Bool { values.isEmpty }

    mutating func integer(_ key: String) -> Int? { values.removeValue(forKey: key)?.integer }
    mutating func double(_ key: String) -> Double? { values.removeValue(forKey: key)?.double }
    mutating func text(_ key: String) -> String? { values.removeValue(forKey: key)?.string }
    mutating func integers(_ key: String) -> [Int]? {
      guard let values = values.removeValue(forKey: key)?.array else { return nil }
      let numbers = values.compactMap(\.integer)
      return numbers.count == values.count ? numbers : nil
    }
  }

  private func usage(_ name: String?) -> String? {
    switch name {
    case "transpose", "share": "it takes nothing"
    case "permute": "write permute: [1, 0, 2]"
    case "reshape": "write reshape: [3, -1]"
    case "slice": "write slice: {axis: 0, index: 1, of: 3} or slice: {axis: 0, start: 4, end: 8}"
    case "split": "write split: {axis: 0, parts: 3} or split: {axis: 0, sizes: [4, -1]}"
    case "reorder": "write reorder: {axis: 0, order: [0, 2, 1, 3]}"
    case "reorder_gates": "write reorder_gates: {axis: 0, from: ifco, to: ifoc}"
    case "cast": "write cast: F32"
    case "add", "scale": "write \(name ?? ""): 0.5"
    case "batch_norm": "write batch_norm: {epsilon: 0.001}"
    default: "write \(name ?? ""): {axis: 0}"
    }
  }
}
