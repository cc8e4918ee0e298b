#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

extension HTMLPage {
  /// How the differences are distributed: in standard deviations where these are known, else in parts of the bound.
  var deviations: PageSection {
    let known = allFigures.contains { $0.figures.deviations != nil }
    let lead =
      known
      ? "Every difference in standard deviations of the rounding that is expected of it. Rounding errors that are "
        + "independent lie within the curve; \(Int(Self.usual)) deviations, where the dashed lines are, are unusual."
      : "How much of its bound each value uses, counted in powers of 2. Where no standard deviation is known, this is "
        + "the picture of how far from the proof line the values lie."
    guard !allFigures.isEmpty else {
      return PageSection("distribution", "Distribution of the differences", lead: lead, [Self.notDrawn])
    }
    let panels = Certificate.Kind.allCases.compactMap { kind -> Markup? in
      let figures = allFigures.filter { $0.certificate.kind == kind }.map(\.figures)
      if known {
        var sum = DeviationHistogram()
        for deviations in figures.compactMap(\.deviations) { sum.add(deviations) }
        return sum.total == 0 ? nil : deviationPanel(kind, sum)
      }
      let counts = figures.map(\.utilisations).reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
      return counts.isEmpty ? nil : utilisationPanel(kind, counts)
    }
    return PageSection(
      "distribution", "Distribution of the differences", lead: lead,
      panels.isEmpty ? [.absence("No value differs from the oracle, so there is nothing to count.")] : panels)
  }

  /// From how many standard deviations on a difference is unusual.
  static let usual = 8.0

  private func utilisationPanel(_ kind: Certificate.Kind, _ counts: [Int: Int]) -> Markup {
    let exponents = counts.keys.map { max(-100, min($0, 100)) }
    let low = min(-4, (Double(exponents.min() ?? 0) * decade(2)).rounded(.down))
    let high = max(1, (Double((exponents.max() ?? 0) + 1) * decade(2)).rounded(.up))
    var plot = histogram("utilisation-\(kind.rawValue)", kind, x: low...high, most: counts.values.max() ?? 1)
    plot.drawing.rectangle(
      "band-bad", x: plot.x(0), y: plot.y.end, width: plot.x.end - plot.x(0), height: plot.y.start - plot.y.end)
    for (exponent, count) in counts.sorted(by: { $0.key < $1.key }) {
      let (left, right) = (Double(exponent) * decade(2), Double(exponent + 1) * decade(2))
      bar(exponent >= 0 ? "bad" : kind.rawValue, from: left, to: right, count, &plot)
    }
    plot.drawing.line("proof", plot.x(0), plot.y.start, plot.x(0), plot.y.end)
    plot.axisBelow(.decades(low...high), "\(kind.rawValue): difference / bound")
    let table = Table(
      caption: "\(kind.rawValue): values by difference / bound", head: ["from", "to below", "values"],
      rows: counts.sorted { $0.key < $1.key }.map { exponent, count in
        [.value(scalbn(1, exponent)), .value(scalbn(1, exponent + 1)), .count(count)]
      })
    return .fragment([plot.drawing.markup, .disclosed("The numbers", table.markup)])
  }

  private func deviationPanel(_ kind: Certificate.Kind, _ histogram: DeviationHistogram) -> Markup {
    let (limit, width) = (DeviationHistogram.limit, DeviationHistogram.width)
    var plot = self.histogram(
      "deviation-\(kind.rawValue)", kind, x: -limit...limit, most: histogram.counts.max() ?? 1)
    for (index, count) in histogram.counts.enumerated() where count > 0 {
      let left = -limit + Double(index) * width
      bar(kind.rawValue, from: left, to: left + width, count, &plot)
    }
    // The counts that a normal distribution would give.
    let curve = stride(from: -limit, through: limit, by: width / 2).compactMap { z -> String? in
      let count = Double(histogram.total) * width * exp(-z * z / 2) / (2 * Double.pi).squareRoot()
      return count < 0.5 ? nil : "\(plot.x(z).coordinate) \(plot.y(decade(count + 1)).coordinate)"
    }
    if !curve.isEmpty { plot.drawing.path("curve", "M" + curve.joined(separator: "L")) }
    for edge in [-Self.usual, Self.usual] {
      plot.drawing.line("limit", plot.x(edge), plot.y.start, plot.x(edge), plot.y.end)
    }
    plot.axisBelow(.linear(-limit...limit, atMost: 9), "\(kind.rawValue): difference / standard deviation")
    let rows = histogram.counts.enumerated().filter { $0.element > 0 }.map { index, count -> [Table.Cell] in
      let left = -limit + Double(index) * width
      return [.value(left), .value(left + width), .count(count)]
    }
    let table = Table(
      caption: "\(kind.rawValue): values by standard deviations; the outermost rows hold what is further out",
      head: ["from", "to below", "values"], rows: rows)
    return .fragment([plot.drawing.markup, .disclosed("The numbers", table.markup)])
  }

  private func histogram(_ id: String, _ kind: Certificate.Kind, x: ClosedRange<Double>, most: Int) -> Plot {
    let top = decade(Double(most) + 1) * 1.05
    var plot = Plot(
      Drawing(
        id, title: "Distribution of the differences, certificate \(kind.rawValue)",
        description: "A histogram with a logarithmic count; \(kind.meaning).", height: 210), x: x, y: 0...top, top: 10)
    let decades = stride(from: 0, through: top, by: max(1, (top / 4).rounded(.down)))
    plot.axisAtLeft(
      Ticks(values: decades.map { decade(pow(10, $0) + 1) }, labels: decades.map { Ticks.power(Int($0)) }), "values")
    return plot
  }

  private func bar(_ style: String, from left: Double, to right: Double, _ count: Int, _ plot: inout Plot) {
    let top = plot.y(decade(Double(count) + 1))
    plot.drawing.rectangle(
      style, x: plot.x(left) + 0.5, y: top, width: plot.x(right) - plot.x(left) - 1, height: plot.y.start - top)
  }
}
