/// What stands for a value in a picture.
enum Mark {
  case weights, reference, engine
  case equal, tie, different

  init(_ kind: Certificate.Kind) {
    switch kind {
    case .weights: self = .weights
    case .reference: self = .reference
    case .engine: self = .engine
    }
  }

  var style: String {
    switch self {
    case .weights: "weights mark"
    case .reference: "reference mark"
    case .engine: "engine mark"
    case .equal: "good mark"
    case .tie: "open mark"
    case .different: "cross"
    }
  }

  /// Circle, square, triangle, circle, diamond, cross.
  func path(_ x: Double, _ y: Double, _ size: Double) -> String {
    func at(_ dx: Double, _ dy: Double) -> String { "\((x + dx * size).coordinate) \((y + dy * size).coordinate)" }
    switch self {
    case .weights, .equal:
      let (radius, across) = (size.coordinate, (2 * size).coordinate)
      return "M\(at(-1, 0))a\(radius) \(radius) 0 1 0 \(across) 0a\(radius) \(radius) 0 1 0 -\(across) 0z"
    case .reference: return "M\(at(-0.9, -0.9))L\(at(0.9, -0.9))L\(at(0.9, 0.9))L\(at(-0.9, 0.9))z"
    case .engine: return "M\(at(0, -1.1))L\(at(1.1, 0.9))L\(at(-1.1, 0.9))z"
    case .tie: return "M\(at(0, -1.3))L\(at(1.3, 0))L\(at(0, 1.3))L\(at(-1.3, 0))z"
    case .different: return "M\(at(-1, -1))L\(at(1, 1))M\(at(1, -1))L\(at(-1, 1))"
    }
  }
}
