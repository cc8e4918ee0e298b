/// How a map's values are told by shades: the limits between them, from below.
struct Shades {
  /// One shade more than there are limits.
  let limits: [Double]
  let labels: [String]

  /// - Returns: the class of the style sheet; `q0` is the lightest of eight.
  func style(_ value: Double) -> String {
    if value.isNaN || value.isInfinite { return "hatched" }
    return "q\((limits.firstIndex { value <= $0 } ?? limits.count) * 7 / max(limits.count, 1))"
  }

  /// The value of each shade, for a legend.
  var samples: [(style: String, label: String)] {
    labels.indices.map { ("q\($0 * 7 / max(limits.count, 1))", labels[$0]) }
  }
}

extension Drawing {
  /// The cells of a map, one path for each shade; runs of equal cells are one rectangle.
  ///
  /// - Parameter emphasised: which cells get the class `bad-cell` and a cross.
  mutating func cells(
    _ map: CellMap, _ shades: Shades, x: Double, y: Double, cell: (width: Double, height: Double),
    emphasised: (Double) -> Bool = { _ in false }
  ) {
    var paths: [String: String] = [:]
    var crosses = ""
    for row in 0..<map.rows {
      var column = 0
      while column < map.columns {
        let style = style(map[row, column], shades, emphasised)
        var end = column + 1
        while end < map.columns, self.style(map[row, end], shades, emphasised) == style { end += 1 }
        let (left, top) = (x + Double(column) * cell.width, y + Double(row) * cell.height)
        if let style {
          let width = (Double(end - column) * cell.width).coordinate
          paths[style, default: ""] +=
            "M\(left.coordinate) \(top.coordinate)h\(width)v\(cell.height.coordinate)h-\(width)z"
          if style == "bad-cell" { crosses += Self.crosses(end - column, left, top, cell) }
        }
        column = end
      }
    }
    for style in paths.keys.sorted() { path(style, paths[style] ?? "") }
    if !crosses.isEmpty { path("cell-cross", crosses) }
    path(
      "frame",
      "M\(x.coordinate) \(y.coordinate)h\((Double(map.columns) * cell.width).coordinate)"
        + "v\((Double(map.rows) * cell.height).coordinate)h-\((Double(map.columns) * cell.width).coordinate)z")
  }

  private func style(_ value: Double?, _ shades: Shades, _ emphasised: (Double) -> Bool) -> String? {
    value.map { emphasised($0) ? "bad-cell" : shades.style($0) }
  }

  private static func crosses(
    _ count: Int, _ left: Double, _ top: Double, _ cell: (width: Double, height: Double)
  ) -> String {
    (0..<count).map { index in
      let (x, size) = (left + Double(index) * cell.width, (cell.width.coordinate, cell.height.coordinate))
      return "M\(x.coordinate) \(top.coordinate)l\(size.0) \(size.1)m-\(size.0) 0l\(size.0) -\(size.1)"
    }.joined()
  }

  /// Squares with their meaning, in one row.
  mutating func legend(_ entries: [(style: String, label: String)], x: Double, y: Double, spacing: Double = 16) {
    var left = x
    for entry in entries {
      rectangle(entry.style, x: left, y: y - 9, width: 12, height: 12)
      text(entry.label, x: left + 17, y: y + 1, style: "tick")
      left += 17 + Double(entry.label.count) * 6.4 + spacing
    }
  }
}
