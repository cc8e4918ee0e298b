import TensorFerryMapping
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// A mapping, and what PyTorch or NumPy make of the same tensors.
struct Journey: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let rules: String
  /// Calls `source(name, tensor)` and `expect(name, tensor)`.
  let python: String
  /// What the inverse of the plan cannot give back, by its source.
  var losses: [String] = []

  init(_ name: String, _ rules: String, _ python: String, losses: [String] = []) {
    testDescription = name
    self.rules = rules
    self.python = python
    self.losses = losses
  }

  var mapping: WeightMapping {
    get throws { try WeightMapping("mapping: tensorferry.mapping/1\nrules:\n" + rules) }
  }

  /// The tensors as PyTorch has them before and after.
  func tensors() throws -> (source: StateDict, expected: StateDict) {
    let prelude = """
      torch.manual_seed(5)
      def source(name, tensor): emit("source:" + name, tensor)
      def expect(name, tensor): emit("expect:" + name, tensor)
      """
    var (source, expected) = (StateDict(), StateDict())
    for element in try pythonTensors(prelude + "\n" + python) {
      let name = String(element.name.dropFirst(7))
      if element.name.hasPrefix("source:") {
        try source.append(name, element.tensor)
      } else {
        try expected.append(name, element.tensor)
      }
    }
    return (source, expected)
  }
}

@Suite struct TransformTests {
  static let moves: [Journey] = [
    Journey(
      "a transpose", "- {to: b, from: a, apply: transpose}",
      "a = torch.randn(5, 7); source('a', a); expect('b', a.T)"),
    Journey(
      "a permutation", "- {to: b, from: a, apply: {permute: [2, 0, 1]}}",
      "a = torch.randn(3, 5, 7); source('a', a); expect('b', a.permute(2, 0, 1))"),
    Journey(
      "a reshape", "- {to: b, from: a, apply: {reshape: [5, -1, 3]}}",
      "a = torch.randn(3, 5, 7); source('a', a); expect('b', a.reshape(5, -1, 3))"),
    Journey(
      "slices that are the whole",
      "- {to: b, from: a, apply: {slice: {axis: 1, start: 2, end: 7}}}\n- {to: c, from: a, apply: [{slice: {axis: 1, start: 0, end: 2}}, transpose]}",
      "a = torch.randn(5, 7); source('a', a); expect('b', a[:, 2:]); expect('c', a[:, :2].T)"),
    Journey(
      "a slice that is not", "- {to: b, from: a, apply: {slice: {axis: 0, index: 1, of: 3}}}",
      "a = torch.randn(9, 2); source('a', a); expect('b', a[3:6])", losses: ["a"]),
    Journey(
      "q, k and v out of one projection", "- {to: [q, k, v], from: qkv, apply: {split: {axis: 0, parts: 3}}}",
      "a = torch.randn(15, 4); source('qkv', a); [expect(n, t) for n, t in zip('qkv', a.chunk(3))]"),
    Journey(
      "uneven parts of an inner axis", "- {to: [b, c], from: a, apply: {split: {axis: 1, sizes: [2, -1]}}}",
      "a = torch.randn(3, 7, 2); source('a', a); expect('b', a[:, :2]); expect('c', a[:, 2:])"),
    Journey(
      "a concatenation on an outer axis", "- {to: c, from: [a, b], apply: concatenate}",
      "a, b = torch.randn(2, 3), torch.randn(4, 3); source('a', a); source('b', b); expect('c', torch.cat([a, b]))"),
    Journey(
      "a concatenation on an inner axis of large tensors", "- {to: c, from: [a, b], apply: {concatenate: {axis: 1}}}",
      "a, b = torch.randn(1500, 700), torch.randn(1500, 301); source('a', a); source('b', b)\nexpect('c', torch.cat([a, b], 1))"
    ),
    Journey(
      "layers that are stacked in the order of numbers",
      "- {to: 'w.{name}', from: 'layers.{i}.{name}', apply: {stack: {axis: 1}}}",
      """
      t = [torch.randn(3, 2) for _ in range(11)]
      for i in [10, 2, 0, 1, 3, 4, 5, 6, 7, 8, 9]: source(f'layers.{i}.a', t[i]); source(f'layers.{i}.b', -t[i])
      expect('w.a', torch.stack(t, 1)); expect('w.b', torch.stack([-x for x in t], 1))
      """),
    Journey(
      "layers that are unstacked", "- {to: 'layers.{i}.w', from: w, apply: unstack}",
      "a = torch.randn(4, 3, 2); source('w', a); [expect(f'layers.{i}.w', t) for i, t in enumerate(a.unbind())]"),
    Journey(
      "gates of an LSTM, from PyTorch's order to ONNX's",
      "- {to: b, from: a, apply: {reorder_gates: {from: ifgo, to: iofg}}}",
      "a = torch.randn(8, 3); source('a', a); i, f, g, o = a.chunk(4); expect('b', torch.cat([i, o, f, g]))"),
    Journey(
      "transforms one after another, through a name of its own",
      "- {to: $t, from: a, apply: transpose}\n- {to: c, from: [$t, b], apply: concatenate}",
      "a, b = torch.randn(3, 5), torch.randn(2, 3); source('a', a); source('b', b); expect('c', torch.cat([a.T, b]))"),
    Journey(
      "one tensor under two names", "- {to: [head, embedding], from: a, apply: share}",
      "a = torch.randn(5, 3); source('a', a); expect('head', a); expect('embedding', a)"),
    Journey(
      "empty tensors and scalars", "- {to: b, from: a, apply: transpose}\n- {to: d, from: c, apply: {reshape: [1, 1]}}",
      "a = torch.zeros(0, 3); source('a', a); c = torch.tensor(2.5); source('c', c); expect('b', a.T); expect('d', c.reshape(1, 1))"
    ),
  ]

  @Test("a move gives the tensors that PyTorch gives, and its inverse gives them back", arguments: moves)
  func move(_ journey: Journey) throws {
    let (source, expected) = try journey.tensors()
    let plan = MappingPlan(try journey.mapping, from: source)
    #expect(plan.problems == [])
    let result = try plan.apply(to: source)
    let difference = try expected.difference(from: result)
    #expect(
      difference.tensorsAreEqual, "\(difference.changes.map(\.name)) \(difference.onlyLeft) \(difference.onlyRight)")
    let trip = try plan.roundTrip(source)
    #expect(trip.losses.flatMap(\.sources) == journey.losses)
    #expect(trip.compared == source.count - journey.losses.count)
    // The plan is data: it is made again from its JSON, and gives the same.
    let again = try MappingPlan(json: JSONValue(parsing: plan.json.text()))
    #expect(try result.difference(from: again.apply(to: source)).tensorsAreEqual)
  }

  @Test("ranges of moved tensors are read as the whole is", arguments: moves)
  func ranges(_ journey: Journey) throws {
    let source = try journey.tensors().source
    for element in try MappingPlan(journey.mapping, from: source).apply(to: source) {
      let whole = try element.tensor.read().bytes
      for limit in [7, 64, whole.count / 3 + 1] where whole.count / limit < 10_000 {
        var pieces: [UInt8] = []
        try element.tensor.forEachPiece(upTo: limit) { pieces += $1 }
        #expect(pieces == whole)
      }
    }
  }

  static let computations: [Journey] = [
    Journey(
      "1 added to the scale of a norm", "- {to: b, from: a, apply: {add: 1}}",
      "a = torch.randn(300); source('a', a); expect('b', (a.double() + 1).float())"),
    Journey(
      "a scale", "- {to: b, from: a, apply: {scale: 0.3}}",
      "a = torch.randn(20, 30); source('a', a); expect('b', (a.double() * 0.3).float())"),
    Journey(
      "a weight norm", "- {to: w, from: [g, v], apply: weight_norm}",
      """
      g, v = torch.randn(6, 1), torch.randn(6, 5); source('g', g); source('v', v)
      expect('w', torch._weight_norm(v.double(), g.double(), 0).float())
      """),
    Journey(
      "a weight norm over another axis", "- {to: w, from: [g, v], apply: {weight_norm: {axis: 1}}}",
      """
      g, v = torch.randn(1, 5, 1), torch.randn(6, 5, 4); source('g', g); source('v', v)
      expect('w', torch._weight_norm(v.double(), g.double(), 1).float())
      """),
    Journey(
      "a batch norm behind a linear layer",
      "- {to: [w, b], from: [l.weight, l.bias, n.weight, n.bias, n.running_mean, n.running_var], apply: {batch_norm: {epsilon: 0.001}}}",
      """
      l, n = torch.nn.Linear(7, 5).double().eval(), torch.nn.BatchNorm1d(5, eps=1e-3).double().eval()
      with torch.no_grad(): n.running_mean.uniform_(-1, 1); n.running_var.uniform_(0.5, 2); n.weight.normal_(); n.bias.normal_()
      for m, p in (l, 'l.'), (n, 'n.'):
          for k, t in m.float().state_dict().items():
              if t.dim(): source(p + k, t.float())
      f = torch.nn.utils.fusion.fuse_linear_bn_eval(l.double(), n.double()); expect('w', f.weight.float()); expect('b', f.bias.float())
      """),
  ]

  @Test("arithmetic is rounded once from binary64", arguments: computations)
  func arithmetic(_ journey: Journey) throws {
    let (source, expected) = try journey.tensors()
    let plan = MappingPlan(try journey.mapping, from: source)
    #expect(plan.problems == [])
    let result = try plan.apply(to: source)
    for element in expected {
      // float32 results of two float64 computations that differ in their order.
      let comparison = try #require(try result[element.name]?.compared(with: element.tensor))
      #expect(comparison.maximumULPs ?? .max <= 1, "\(element.name)")
      #expect(comparison.equalBits * 20 >= comparison.compared * 19)
    }
  }

  @Test("a product with a power of two comes back, one with 0.3 does not, and the rule is named")
  func lossyScale() throws {
    var source = StateDict()
    try source.append("a", LazyTensor(Tensor((0..<999).map { Float($0) * 0.1 }, shape: [999])))
    for (scale, isLossless) in [("8", true), ("0.3", false)] {
      let mapping = try WeightMapping(
        "{mapping: tensorferry.mapping/1, rules: [{to: b, from: a, apply: {scale: \(scale)}}]}")
      let trip = try MappingPlan(mapping, from: source).roundTrip(source)
      #expect(trip.isLossless == isLossless)
      #expect(trip.losses.allSatisfy { $0.place != nil && $0.reason.contains("scale(0.3)") })
    }
  }

  @Test("casts are lossless if the bits come back, whatever the types")
  func casts() throws {
    var source = StateDict()
    try source.append("exact", LazyTensor(Tensor([1, -0.5, 3] as [Float], shape: [3])))
    try source.append("inexact", LazyTensor(Tensor([1, 0.1, 3] as [Float], shape: [3])))
    let mapping = try WeightMapping(
      "mapping: tensorferry.mapping/1\nrules: [{keep: '**'}]\ndtypes: {'**exact': BF16}")
    let plan = MappingPlan(mapping, from: source)
    #expect(try plan.apply(to: source).map(\.tensor.dtype) == [.bf16, .bf16])
    #expect(try plan.roundTrip(source).losses.map(\.sources) == [["inexact"]])
  }

  @Test("a type for all names leaves counters alone")
  func dtypesOfIntegers() throws {
    var source = StateDict()
    try source.append("w", LazyTensor(Tensor([1, 2] as [Float], shape: [2])))
    try source.append("n", LazyTensor(Tensor([3] as [Int64], shape: .scalar)))
    let mapping = try WeightMapping("mapping: tensorferry.mapping/1\nrules: [{keep: '**'}]\ndtypes: {'**': F16}")
    #expect(try MappingPlan(mapping, from: source).apply(to: source).map(\.tensor.dtype) == [.f16, .i64])
  }

  @Test("blocks of a quantised model are renamed, and nothing else is done to them")
  func blocks() throws {
    let encoding = BlockEncoding(name: "Q8_0", shape: [2, 32])
    var source = StateDict()
    try source.append(
      "a",
      LazyTensor(
        dtype: .block, shape: [2, 34], content: .memory([UInt8](repeating: 1, count: 68)), encoding: encoding))
    let renamed = try WeightMapping("{mapping: tensorferry.mapping/1, rules: [{to: b, from: a}]}")
    #expect(try MappingPlan(renamed, from: source).apply(to: source)["b"]?.encoding == encoding)
    for transform in ["{reshape: [68]}", "transpose", "{slice: {index: 0, of: 2}}", "{cast: F16}"] {
      let mapping = try WeightMapping(
        "{mapping: tensorferry.mapping/1, rules: [{to: b, from: a, apply: \(transform)}]}")
      #expect(MappingPlan(mapping, from: source).problems.map(\.code) == [.transform])
    }
  }

  @Test("tied tensors stay tied where the same is done to both")
  func ties() throws {
    let matrix = LazyTensor(try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]))
    var source = StateDict()
    try source.append("a", matrix)
    try source.append("b", matrix, aliasOf: "a")
    try source.append("c", matrix, aliasOf: "a")
    let mapping = try WeightMapping(
      "mapping: tensorferry.mapping/1\nrules: [{to: y, from: b, apply: transpose}, {to: x, from: a, apply: transpose}, {to: z, from: c}]"
    )
    let result = try MappingPlan(mapping, from: source).apply(to: source)
    #expect(result.sharedNames == [["x", "y"]])
  }

  @Test("a constant is in the result and needs no source")
  func constant() throws {
    let mapping = try WeightMapping(
      "mapping: tensorferry.mapping/1\nrules: [{to: bias, constant: {value: -0.5, shape: [2, 2], dtype: F16}}]")
    let result = try MappingPlan(mapping, from: StateDict()).apply(to: StateDict())
    #expect(try result["bias"]?.read().floats() == [-0.5, -0.5, -0.5, -0.5])
  }
}
