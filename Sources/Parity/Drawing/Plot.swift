/// A drawing with two axes.
struct Plot {
  var drawing: Drawing
  let x: Scale
  let y: Scale

  /// - Parameters:
  ///   - left: the room for the labels of the vertical axis.
  ///   - top: the room above.
  init(
    _ drawing: Drawing, x: ClosedRange<Double>, y: ClosedRange<Double>, left: Double = 76, top: Double = 16,
    right: Double = 20, bottom: Double = 48
  ) {
    self.drawing = drawing
    self.x = Scale(x, from: left, to: drawing.width - right)
    self.y = Scale(y, from: drawing.height - bottom, to: top)
  }

  /// The axis below, with its grid.
  mutating func axisBelow(_ ticks: Ticks, _ title: String) {
    for (value, label) in zip(ticks.values, ticks.labels) {
      drawing.line("grid", x(value), y.start, x(value), y.end)
      drawing.text(label, x: x(value), y: y.start + 18, anchor: "middle", style: "tick")
    }
    drawing.line("axis", x.start, y.start, x.end, y.start)
    drawing.text(title, x: (x.start + x.end) / 2, y: y.start + 38, anchor: "middle", style: "axis-title")
  }

  /// The axis at the left, with its grid.
  mutating func axisAtLeft(_ ticks: Ticks, _ title: String) {
    for (value, label) in zip(ticks.values, ticks.labels) {
      drawing.line("grid", x.start, y(value), x.end, y(value))
      drawing.text(label, x: x.start - 8, y: y(value) + 4, anchor: "end", style: "tick")
    }
    drawing.line("axis", x.start, y.start, x.start, y.end)
    drawing.text(title, x: 16, y: (y.start + y.end) / 2, anchor: "middle", style: "axis-title", turned: true)
  }

  /// The line where both coordinates are equal, and what lies above it.
  mutating func diagonal(above: String) {
    let low = max(x.domain.lowerBound, y.domain.lowerBound)
    let high = min(x.domain.upperBound, y.domain.upperBound)
    guard low < high else { return }
    var corners = "M\(x(low).coordinate) \(y(low).coordinate)L\(x(high).coordinate) \(y(high).coordinate)"
    drawing.path("proof", corners)
    corners += "L\(x(high).coordinate) \(y.end.coordinate)L\(x.start.coordinate) \(y.end.coordinate)"
    if low > x.domain.lowerBound { corners += "L\(x.start.coordinate) \(y(low).coordinate)" }
    drawing.path(above, corners + "z")
  }
}
