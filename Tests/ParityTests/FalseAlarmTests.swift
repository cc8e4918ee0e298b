import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite("no false alarm")
struct FalseAlarmTests {
  static let recorded = Result { try Scene.all(in: pythonTensors(recorder + program)) }

  @Test("200 random models of all sizes and scales are parity")
  func random() throws {
    let scenes = try Self.recorded.get()
    #expect(scenes.count == 200)
    for scene in scenes {
      let report = try scene.verify()
      #expect(report.verdict.isParity, "\(scene.name)\n\(report.text)")
    }
  }

  private static let program = """
    random = np.random.default_rng(77)
    torch.manual_seed(77)
    def size(high):
        return int(np.exp(random.uniform(0, np.log(high + 1))))
    count = 0
    while count < 200:
        torch.set_num_threads(int(random.integers(1, 3)))
        d, h, c, n, b = size(784), size(128), size(50), size(49), size(6)
        p = parameters(d, h, c)
        for layer in ("fc", "attention", "classifier"):
            for part in ("weight", "bias"):
                p[f"{layer}.{part}"] = p[f"{layer}.{part}"] * 10.0 ** random.uniform(-20, 15)
        x = torch.randn(*((b, d) if count % 4 == 0 else (b, n, d))) * 10.0 ** random.uniform(-20, 15)
        # What overflows in float32 is no reference.
        if all(bool(torch.isfinite(value).all()) for value in stages(p, x).values()):
            scene(f"{count}: {d}-{h}-{c} x {n} x {b}", p, [x])
            count += 1
    """
}
