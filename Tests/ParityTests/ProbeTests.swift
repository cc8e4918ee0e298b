import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// The inputs of probe rows, and probes of parameters that hold several layers.
@Suite struct ProbeTests {
  /// The vectors of docs/reference/formats/reference.md, in units of 2^-24; the Python package has them too.
  @Test("the generator gives the test vectors")
  func testVectors() throws {
    let page = try String(
      contentsOf: Project.root.appending(path: "docs/reference/formats/reference.md"), encoding: .utf8)
    let vectors = page.matches(of: /\| `(\d+)` \| `([-\d, ]+)` \|/)
    #expect(vectors.count == 3)
    for vector in vectors {
      let seed = try #require(UInt64(vector.1))
      let numerators = try vector.2.split(separator: ", ").map { try #require(Double($0)) }
      #expect(ProbeInputs(seed: seed).values(6).map { $0 * 0x1p24 } == numerators)
    }
  }

  @Test("Python makes the same inputs, bit for bit")
  func python() throws {
    let state = try pythonTensors(
      """
      from tensorferry import probes
      for seed in (0, 3, 2**53 - 1): emit(str(seed), torch.from_numpy(probes.inputs(seed, 102, 50)))
      """)
    #expect(state.count == 3)
    for element in state {
      let values = try element.tensor.read().floats()
      #expect(ProbeInputs(seed: UInt64(element.name)!).values(102 * 50) == values.map(Double.init))
      #expect(values.allSatisfy { abs($0) < 1 && $0 != 0 })
    }
  }

  /// Query, key and value projections in one parameter, as `in_proj_weight` has them, and four in a row.
  @Test("a mapping that swaps two tensors of one shape is caught", arguments: [false, true])
  func swapped(isSeparate: Bool) throws {
    try withTemporaryDirectory { directory in
      try TensorFerryTestSupport.python(
        """
        import sys, torch, tensorferry
        torch.manual_seed(0)
        model = torch.nn.MultiheadAttention(12, 3, batch_first=True, kdim=\(isSeparate ? 8 : 12), vdim=12)
        torch.nn.init.normal_(model.in_proj_bias)
        inputs = {"query": torch.randn(2, 2, 12), "key": torch.randn(2, 3, \(isSeparate ? 8 : 12)),
                  "value": torch.randn(2, 3, 12)}
        tensorferry.record(model, inputs, sys.argv[1] + "/reference.h5")
        torch.save(model.state_dict(), sys.argv[1] + "/clean.pt")
        state = model.state_dict()
        if \(isSeparate ? "True" : "False"):
            state["q_proj_weight"], state["v_proj_weight"] = state["v_proj_weight"], state["q_proj_weight"]
        else:
            q, k, v = state["in_proj_weight"].chunk(3)
            state["in_proj_weight"] = torch.cat([k, q, v])
        torch.save(state, sys.argv[1] + "/swapped.pt")
        """, [directory.path])
      func verify(_ name: String) throws -> ParityReport {
        let state = try StateDict(contentsOf: directory.appending(path: name))
        let options: JSONValue = ["num_heads": .integer(3)]
        let model = try MultiheadAttention(
          MultiheadAttention.plan(importing: state, options: options), state, options: options)
        return try ReferenceBundle(contentsOf: directory.appending(path: "reference.h5")).verify(model)
      }
      let clean = try verify("clean.pt").identity
      #expect(clean.map(\.different) == clean.map { _ in 0 })
      // torch starts the bias of the output at 0, where nothing is proven.
      #expect(clean.filter { $0.parameter != "out_proj.bias" }.allSatisfy { $0.proven * 100 >= $0.total * 99 })
      let wrong = try verify("swapped.pt")
      #expect(wrong.verdict == .mismatchProven)
      let named = wrong.identity.filter { $0.different > 0 }
      #expect(named.map(\.parameter) == (isSeparate ? ["q_proj_weight", "v_proj_weight"] : ["in_proj_weight"]))
      // Two of the three thirds, or all.
      #expect(named.allSatisfy { $0.different > 280 / (isSeparate ? 2 : 1) })
    }
  }
}
