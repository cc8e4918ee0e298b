/// A picture as inline SVG: shapes in the order in which they are painted, with a title and a description for whoever
/// does not see it. Colours are classes of the style sheet.
struct Drawing {
  let id: String
  let title: String
  let description: String
  let width: Double
  var height: Double
  private var shapes: [Markup] = []

  init(_ id: String, title: String, description: String, width: Double = 860, height: Double) {
    self.id = id
    self.title = title
    self.description = description
    self.width = width
    self.height = height
  }

  /// In a frame that scrolls where there is no room.
  var markup: Markup {
    let names: [Markup] = [
      Markup("title", ["id": id + "-title"], .text(title)), Markup("desc", ["id": id + "-desc"], .text(description)),
    ]
    let picture = Markup(
      "svg",
      [
        "viewBox": "0 0 \(width.coordinate) \(height.coordinate)", "role": "img",
        "aria-labelledby": "\(id)-title \(id)-desc", "style": "min-width:\((width * 0.7).coordinate)px",
      ], all: names + shapes)
    return Markup(
      "div", ["class": "picture", "tabindex": "0", "role": "region", "aria-label": title], picture)
  }

  mutating func rectangle(_ style: String, x: Double, y: Double, width: Double, height: Double, opacity: Double = 1) {
    shapes.append(
      Markup(
        "rect",
        [
          "class": style, "x": x.coordinate, "y": y.coordinate, "width": max(0, width).coordinate,
          "height": max(0, height).coordinate, "opacity": opacity.coordinate,
        ]))
  }

  mutating func line(_ style: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) {
    shapes.append(
      Markup(
        "line",
        ["class": style, "x1": x1.coordinate, "y1": y1.coordinate, "x2": x2.coordinate, "y2": y2.coordinate]))
  }

  mutating func path(_ style: String, _ commands: String) {
    shapes.append(Markup("path", ["class": style, "d": commands]))
  }

  /// - Parameters:
  ///   - anchor: `start`, `middle` or `end`.
  ///   - full: the whole text where what is drawn is only a part of it.
  mutating func text(
    _ text: String, x: Double, y: Double, anchor: String = "start", style: String = "label", full: String? = nil,
    turned: Bool = false
  ) {
    let whole = full.map { [Markup("title", [:], .text($0))] } ?? []
    let turn = turned ? "rotate(-90 \(x.coordinate) \(y.coordinate))" : "translate(0 0)"
    shapes.append(
      Markup(
        "text", ["class": style, "x": x.coordinate, "y": y.coordinate, "text-anchor": anchor, "transform": turn],
        all: whole + [.text(text)]))
  }

  /// A shape of its own for each series, so that colour is not all that tells them apart.
  mutating func mark(_ mark: Mark, x: Double, y: Double, size: Double = 5, hint: String) {
    shapes.append(
      Markup(
        "path", ["class": mark.style, "d": mark.path(x, y, size)], Markup("title", [:], .text(hint))))
  }
}

extension Double {
  /// With at most two digits behind the point; 0 for what is no place on paper.
  var coordinate: String {
    guard isFinite, abs(self) < 1e6 else { return "0" }
    let hundredths = Int((self * 100).rounded())
    let (whole, rest) = (abs(hundredths) / 100, abs(hundredths) % 100)
    let fraction = rest == 0 ? "" : rest % 10 == 0 ? ".\(rest / 10)" : rest < 10 ? ".0\(rest)" : ".\(rest)"
    return (hundredths < 0 ? "-" : "") + "\(whole)" + fraction
  }
}
