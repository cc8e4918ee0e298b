import TensorFerryParity
import TensorFerryTensors
import Testing

/// What is collected to be drawn agrees with the certificates.
@Suite struct FiguresTests {
  @Test("every compared value is counted once", arguments: ReportScene.allCases)
  func counts(scene: ReportScene) throws {
    for certificate in try ReportScene.report(scene).stages.flatMap(\.certificates) {
      let figures = try #require(certificate.figures)
      let (within, above) = (figures.within.counts.values.reduce(0, +), figures.above.counts.values.reduce(0, +))
      #expect(within + above + figures.exact + figures.undecided == certificate.compared)
      #expect(above == figures.aboveCount)
      #expect((above > 0) == certificate.isRefuted)
      #expect(figures.utilisations.values.reduce(0, +) == within + above)
    }
  }

  @Test("the worst element and the darkest cell are those of the certificate", arguments: ReportScene.allCases)
  func worst(scene: ReportScene) throws {
    for certificate in try ReportScene.report(scene).stages.flatMap(\.certificates) where certificate.compared > 0 {
      let figures = try #require(certificate.figures)
      if certificate.isRefuted { #expect(figures.worst.first == certificate.worst) }
      let cells = (0..<figures.map.rows).flatMap { row in
        (0..<figures.map.columns).compactMap { figures.map[row, $0] }
      }
      let utilisation = certificate.utilisation
      #expect(utilisation.isNaN ? cells.contains(where: \.isNaN) : cells.max() == utilisation)
    }
  }

  @Test("nothing is collected unless it is asked for")
  func unasked() throws {
    let recording = try Recording.named(.sequence)
    let report = try recording.bundle().verify(recording.model)
    #expect(report.stages.allSatisfy { $0.certificates.allSatisfy { $0.figures == nil } })
    #expect(report.attention.isEmpty)
  }

  @Test(
    "a cell of a map holds the worst of its elements, however many there are",
    arguments: [(5, 3), (64, 65), (200, 7), (130, 1000)])
  func map(rows: Int, columns: Int) {
    var map = CellMap()
    func value(_ row: Int, _ column: Int) -> Double { Double((row * 7919 + column * 104_729) % 1_000_003) / 1_000_003 }
    for row in 0..<rows { for column in 0..<columns { map.add(value(row, column), row: row, column: column) } }
    #expect(map.rows <= 64 && map.columns <= 64)
    #expect(map.rows * map.rowStep >= rows && (map.rows - 1) * map.rowStep < rows)
    #expect(map.columns * map.columnStep >= columns && (map.columns - 1) * map.columnStep < columns)
    for row in 0..<map.rows {
      for column in 0..<map.columns {
        let own = (row * map.rowStep..<min(rows, (row + 1) * map.rowStep)).flatMap { r in
          (column * map.columnStep..<min(columns, (column + 1) * map.columnStep)).map { value(r, $0) }
        }
        #expect(map[row, column] == own.max())
      }
    }
  }

  @Test("a refuted value outranks one that is not a number, and that outranks all others")
  func order() {
    var map = CellMap(side: 2)
    for (row, value) in [0.5, .nan, 2, 0.25, 0.75, 0.1].enumerated() { map.add(value, row: row, column: 0) }
    #expect(map.rowStep == 4 && map[0, 0] == 2 && map[1, 0] == 0.75)
    map.add(.nan, row: 7, column: 0)
    #expect(map[1, 0]?.isNaN == true)
  }

  @Test("a grid that gets too fine is made coarser, and loses no count")
  func coarser() {
    var cells = LogCells()
    for x in -600..<600 { for y in [x, x + 3, -x] { cells.add(x: exp2(x), y: exp2(y)) } }
    #expect(cells.step > 1)
    #expect(cells.counts.count <= 2048)
    #expect(cells.counts.values.reduce(0, +) == 3600)
    #expect(cells.counts.keys.allSatisfy { (-600...600).contains($0.x * cells.step) })
  }

  @Test("deviations beyond 16 are in the outermost bins")
  func deviations() {
    var histogram = DeviationHistogram()
    for deviation in [-1e9, -16, -0.1, 0.1, 0.3, 15.9, 1e300, .nan, .infinity] { histogram.add(deviation) }
    #expect(histogram.total == 8)
    #expect(histogram.counts.first == 2 && histogram.counts.last == 3)
    #expect(histogram.counts[63] == 1 && histogram.counts[64] == 1 && histogram.counts[65] == 1)
  }

  @Test("attention weights are the reference's, of the first samples and of the worst one")
  func attention() throws {
    let recording = try Recording.named(.sequence)
    let report = try ReportScene.report(.clean)
    let stage = try #require(report.stages.first { $0.name == "attention_weights" })
    #expect(report.attention.allSatisfy { $0.stage == "attention_weights" })
    #expect(report.attention.count { $0.isWorst } == 1)
    #expect(report.attention.first { $0.isWorst }?.caseName == stage.deciding.worst?.caseName)
    #expect(report.attention.first { $0.isWorst }?.sample == stage.deciding.worst?.index.first)
    for sample in report.attention {
      let name = "cases.\(sample.caseName).stages.attention_weights.f32"
      let recorded = try #require(recording.reference[name]).read().floats()
      let positions = recorded.count / recording.reference[name]!.shape[0]
      #expect(
        (0..<positions).map { sample.weights[0, $0] }
          == recorded[sample.sample * positions..<(sample.sample + 1) * positions].map { Double($0) })
    }
  }

  @Test("of many samples those that come closest to another class are kept")
  func margins() throws {
    let decisions = try #require(ReportScene.report(.clean).decisions)
    #expect(decisions.closest.count == decisions.total)
    #expect(decisions.closest.first?.certainty == decisions.smallestCertainty)
    #expect(decisions.closest.count { $0.outcome == .equal } == decisions.equal)
  }

  private func exp2(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }
}
