import Foundation
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// JUnit XML, as the Python package junitparser and an XML parser read it.
@Suite struct JUnitTests {
  private static let read = Result { () throws -> [ReportScene: JSONValue] in
    try withTemporaryDirectory { directory in
      for scene in ReportScene.allCases {
        let url = directory.appending(path: "\(scene.rawValue).xml")
        try Data(ReportScene.report(scene).junit.utf8).write(to: url)
      }
      let text = try python(
        """
        import json, pathlib, sys, xml.etree.ElementTree as xml
        from junitparser import Error, Failure, JUnitXml
        answer = {}
        for path in sorted(pathlib.Path(sys.argv[1]).glob("*.xml")):
            suites = list(JUnitXml.fromfile(str(path)))
            (suite,) = suites
            counted = {child.tag for child in xml.parse(path).iter()}
            answer[path.stem] = {
                "name": suite.name, "counts": [suite.tests, suite.failures, suite.errors, suite.skipped],
                "tags": sorted(counted), "properties": {p.name: p.value for p in suite.properties()},
                "cases": [{
                    "group": case.classname, "name": case.name,
                    "results": [[type(result).__name__, result.type, result.message, result.text]
                                for result in case.result],
                    "output": case.system_out} for case in suite],
            }
        print(json.dumps(answer))
        """, [directory.path])
      let json = try JSONValue(parsing: text)
      return Dictionary(uniqueKeysWithValues: ReportScene.allCases.map { ($0, json[$0.rawValue] ?? nil) })
    }
  }

  private static func suite(_ scene: ReportScene) throws -> JSONValue { try #require(read.get()[scene]) }

  @Test(
    "there is a case for each stage and certificate, and the counts are those of the cases",
    arguments: ReportScene.allCases)
  func cases(scene: ReportScene) throws {
    let (suite, report) = try (Self.suite(scene), ReportScene.report(scene))
    let cases = try #require(suite["cases"]?.array)
    let names = cases.map { ($0["name"]?.string ?? "", $0["group"]?.string ?? "") }
    for stage in report.stages {
      for kind in Certificate.Kind.allCases {
        #expect(names.count { $0 == (kind.rawValue, stage.name.escapedForDisplay) } == 1)
      }
    }
    let kinds = cases.flatMap { $0["results"]?.array ?? [] }.map { $0.array?.first?.string }
    let counts: [JSONValue] = [
      JSONValue(cases.count), JSONValue(kinds.count { $0 == "Failure" }), JSONValue(kinds.count { $0 == "Error" }),
      JSONValue(0),
    ]
    #expect(suite["counts"]?.array == counts)
    #expect(suite["tags"]?.array?.contains("skipped") == false)
  }

  @Test("failures and errors say what the verdict says", arguments: ReportScene.allCases)
  func outcome(scene: ReportScene) throws {
    let counts = try Self.suite(scene)["counts"]?.array?.compactMap(\.int) ?? []
    try #require(counts.count == 4)
    switch try ReportScene.report(scene).verdict {
    case .mismatchProven: #expect(counts[1] > 0)
    case .inconclusive: #expect(counts[1] == 0 && counts[2] > 0)
    case .identical, .typical, .explained: #expect(counts[1] == 0 && counts[2] == 0)
    }
  }

  @Test("a failure has the blame in one line, and the element with its numbers")
  func failure() throws {
    let cases = try #require(Self.suite(.refuted)["cases"]?.array)
    let failed = try #require(cases.first { $0["results"]?.array?.isEmpty == false })
    let result = try #require(failed["results"]?.array?.first?.array)
    #expect(failed["group"]?.string == "fc" && failed["name"]?.string == "weights")
    #expect(result[1].string == "MismatchProven")
    #expect(
      result[2].string == "stage 'fc': the reference was not produced by these weights in this arithmetic")
    let worst = try #require(ReportScene.report(.refuted).stages[0].certificates[0].worst)
    #expect(result[3].string?.contains("element \(worst.index)") == true)
    #expect(result[3].string?.contains("\(worst.utilisation) times the bound \(worst.bound)") == true)
  }

  @Test("the utilisations are properties")
  func properties() throws {
    let properties = try #require(Self.suite(.clean)["properties"])
    let report = try ReportScene.report(.clean)
    #expect(properties["verdict"]?.string == report.verdict.rawValue)
    for stage in report.stages {
      for certificate in stage.certificates {
        let text = properties["utilisation.\(stage.name).\(certificate.kind.rawValue)"]?.string
        #expect(text.flatMap(Double.init) == certificate.utilisation)
      }
    }
  }

  @Test("decisions, coverage, identity and each class of the self-test are cases")
  func further() throws {
    let cases = try #require(Self.suite(.clean)["cases"]?.array)
    let names = cases.compactMap { $0["name"]?.string }
    for name in ["top-1", "coverage", "fc.weight", "self-test:one_ulp", "self-test:stale"] {
      #expect(names.contains(name), "\(name)")
    }
  }

  @Test("names with markup and with characters that XML forbids are visible text")
  func hostile() throws {
    let suite = try Self.suite(.hostile)
    #expect(suite["name"]?.string == (ReportScene.hostileName + ".h5").escapedForDisplay)
    #expect(suite["tags"]?.array?.contains("script") == false)
  }
}
