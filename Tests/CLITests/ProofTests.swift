import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Reports of this command, about what PyTorch recorded in this run, before the independent checker in Python.
@Suite struct ProofTests {
  private static let checker = Project.root.appending(path: "Python/tensorferry/check.py")

  /// Writes pairs of a model and a reference, and a report on each; a list of `[name, model, reference, verdict]`.
  private func reports(in directory: URL) throws -> [[String]] {
    try python(Self.recording, [directory.path])
    let list = try JSONValue(parsing: [UInt8](Data(contentsOf: directory.appending(path: "pairs.json"))))
    return try (list.array ?? []).map { pair in
      let pair = pair.array?.compactMap(\.string) ?? []
      let options = pair[1].hasPrefix("self") ? ["--model", "SelfAttention"] : []
      let report = try run(
        Project.command, ["verify"] + pair[1...2].map { directory.appending(path: $0).path } + options + ["--json"])
      #expect(try report.json["verdict"]?.string == pair[3], "\(pair): \(report.output)\(report.errors)")
      try Data(report.output.utf8).write(to: directory.appending(path: pair[0] + ".json"))
      return pair
    }
  }

  private func check(_ arguments: String...) throws -> Completed {
    try run(Project.python, [Self.checker.path] + arguments, environment: ["PYTHONDONTWRITEBYTECODE": "1"])
  }

  @Test("reports of parity, of a mismatch and of missing evidence are accepted, with their verdict")
  func accepted() throws {
    try withTemporaryDirectory { directory in
      let path = { (name: String) in directory.appending(path: name).path }
      let pairs = try reports(in: directory)
      #expect(Set(pairs.map { $0[3] }) == ["EXPLAINED", "TYPICAL", "IDENTICAL", "INCONCLUSIVE", "MISMATCH_PROVEN"])
      for pair in pairs {
        let ran = try check(path(pair[0] + ".json"), path(pair[1]), path(pair[2]))
        if pair[0] == "lacking" {
          #expect(ran.status == 3 && ran.output.contains("a stage that it takes is not recorded"), "\(ran.output)")
          continue
        }
        #expect(
          ran.status == 0 && ran.output.hasSuffix("ACCEPTED: \(pair[3])\n"), "\(pair): \(ran.output)\(ran.errors)")
      }
      let package = try python(
        """
        import sys, subprocess
        ran = subprocess.run([sys.executable, "-m", "tensorferry.check", *sys.argv[1:]], capture_output=True, text=True)
        print(ran.returncode, ran.stdout.splitlines()[-1])
        """, [path("vector.json"), path("model.h5"), path("vector.h5")])
      #expect(package == "0 ACCEPTED: TYPICAL\n")
    }
  }

  @Test("another model by one bit, another reference, and what an edit makes of a report are rejected")
  func rejected() throws {
    try withTemporaryDirectory { directory in
      let path = { (name: String) in directory.appending(path: name).path }
      let pairs = try reports(in: directory)
      let foreign = try check(path("vector.json"), path("model.h5"), path("sequence.h5"))
      #expect(foreign.status == 1 && foreign.output.contains("another reference"), "\(foreign.output)")
      try python(
        """
        import sys
        data = bytearray(open(sys.argv[1], "rb").read())
        data[-1] ^= 1
        open(sys.argv[2], "wb").write(data)
        """, [path("model.h5"), path("flipped.h5")])
      let flipped = try check(path("vector.json"), path("flipped.h5"), path("vector.h5"))
      #expect(flipped.status == 1 && flipped.output.contains("another model"), "\(flipped.output)")
      for pair in pairs where ["vector", "float32", "nonfinite", "mutant", "whole", "self-True"].contains(pair[0]) {
        let accepted = try python(
          Self.edits, [Self.checker.deletingLastPathComponent().path] + [pair[0] + ".json", pair[1], pair[2]].map(path))
        #expect(accepted.split(separator: "\n").first.map(String.init) == "0", "\(pair)")
        #expect(accepted.split(separator: "\n").dropFirst().isEmpty, "\(pair) accepts \(accepted)")
      }
    }
  }

  @Test("a mismatch that is retold as parity, with numbers of other elements that are all true, is rejected")
  func forged() throws {
    try withTemporaryDirectory { directory in
      _ = try reports(in: directory)
      let paths = ["mutant.json", "mutant.h5", "sequence.h5"].map { directory.appending(path: $0).path }
      let answer = try python(Self.forgery, [Self.checker.deletingLastPathComponent().path] + paths)
      let lines = answer.split(separator: "\n")
      #expect((Int(lines.first ?? "") ?? 0) >= 2, "\(answer)")
      #expect(
        lines.last?.hasPrefix("REJECTED: fc, weights: another element has a higher utilisation") == true, "\(answer)")
    }
  }

  @Test("a report of another program's model, of a file that is none and of nothing is not accepted")
  func others() throws {
    try withTemporaryDirectory { directory in
      let path = { (name: String) in directory.appending(path: name).path }
      try python(
        """
        import sys, torch, tensorferry
        model = tensorferry.TransformerClassifier(4, 2, 5, 1, 3)
        tensorferry.save(model, sys.argv[1] + "/model.h5")
        tensorferry.record(model, torch.rand(2, 3, 4), sys.argv[1] + "/reference.h5")
        model = tensorferry.AttentionClassifier(7, 5, 3)
        torch.save(model.state_dict(), sys.argv[1] + "/model.pt")
        tensorferry.record(model, torch.rand(4, 7), sys.argv[1] + "/vector.h5")
        """, [directory.path])
      for (model, reference) in [("model.h5", "reference.h5"), ("model.pt", "vector.h5")] {
        let report = try tensorferry("verify", path(model), path(reference), "--json")
        try Data(report.output.utf8).write(to: directory.appending(path: "report.json"))
        let ran = try check(path("report.json"), path(model), path(reference))
        #expect(ran.status == 3 && ran.output.contains("NOT CHECKED: "), "\(ran.output)\(ran.errors)")
      }
      let missing = try check(path("nowhere.json"), path("model.h5"), path("reference.h5"))
      #expect(missing.status == 2 && missing.output.contains("UNREADABLE: "), "\(missing.output)")
      try Data("{}".utf8).write(to: directory.appending(path: "report.json"))
      let empty = try check(path("report.json"), path("model.h5"), path("reference.h5"))
      #expect(empty.status == 1 && empty.output.contains("REJECTED: "), "\(empty.output)")
    }
  }

  @Test("the checker is short enough to audit, and imports nothing of this project")
  func size() throws {
    let lines = try String(contentsOf: Self.checker, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count - 1 <= 300)
    let imports = lines.filter { $0.hasPrefix("import ") || $0.hasPrefix("from ") }
    let allowed: Set = [
      "collections", "decimal", "fractions", "functools", "h5py", "hashlib", "importlib", "json", "math", "numpy",
      "sys",
    ]
    #expect(Set(imports.map { String($0.split(separator: " ")[1]) }) == allowed)
  }

  private static let recording = """
    import json, os, shutil, sys, h5py, torch, tensorferry
    from safetensors.torch import save_file
    os.chdir(sys.argv[1])
    torch.manual_seed(3)
    torch.set_num_threads(1)
    model = tensorferry.AttentionClassifier(7, 5, 3)
    tensorferry.save(model, "model.h5")
    save_file(model.state_dict(), "model.safetensors")
    tensorferry.record(model, torch.randn(4, 7), "vector.h5", probes=False)
    tensorferry.record(model, [torch.randn(3, 6, 7), torch.randn(2, 9, 7)], "sequence.h5")
    pairs = [("vector", "model.h5", "vector.h5", "TYPICAL"), ("sequence", "model.h5", "sequence.h5", "TYPICAL"),
             ("safetensors", "model.safetensors", "sequence.h5", "TYPICAL")]
    def edited(name, verdict, edit):
        shutil.copy("sequence.h5", name + ".h5")
        with h5py.File(name + ".h5", "r+") as file:
            edit(file)
        pairs.append((name, "model.h5", name + ".h5", verdict))
    def float32_only(file):
        del file["probes"]
        for case in file["cases"].values():
            for stage in case["stages"].values():
                del stage["f64"]
    def lacking(file):
        del file["cases/0000/stages/attended_x/f32"]
    def nonfinite(file):
        file["cases/0001/stages/attention_scores/f32"][0, 0, 0] = float("nan")
    edited("float32", "EXPLAINED", float32_only)
    edited("lacking", "INCONCLUSIVE", lacking)
    edited("nonfinite", "INCONCLUSIVE", nonfinite)
    with torch.no_grad():
        model.fc.weight[2, 3] *= 1.01
    tensorferry.save(model, "mutant.h5")
    pairs.append(("mutant", "mutant.h5", "sequence.h5", "MISMATCH_PROVEN"))
    # Whole numbers, in which nothing is rounded.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randint(-3, 4, parameter.shape))
    tensorferry.save(model, "whole.h5")
    tensorferry.record(model, torch.randint(-3, 4, (4, 7)).float(), "whole.reference.h5")
    pairs.append(("whole", "whole.h5", "whole.reference.h5", "IDENTICAL"))
    for scaled in (False, True):
        model, name = tensorferry.SelfAttention(scaled), f"self-{scaled}"
        tensorferry.save(model, name + ".h5")
        tensorferry.record(model, torch.randn(2, 6, 5), name + ".reference.h5")
        pairs.append((name, name + ".h5", name + ".reference.h5", "TYPICAL"))
    json.dump(pairs, open("pairs.json", "w"))
    """

  /// Prints how many certificates were retold, and the answer to the whole.
  private static let forgery = """
    import contextlib, io, json, sys
    sys.path.insert(0, sys.argv[1])
    import check, numpy as np
    report = json.load(open(sys.argv[2]))
    seen, judge = {}, check.Check.certificate
    def watched(self, where, told, cases, run, labels):
        seen[where] = cases
        return judge(self, where, told, cases, run, labels)
    check.Check.certificate = watched
    with contextlib.redirect_stdout(io.StringIO()):
        assert check.main(sys.argv[2:]) == 0
    retold = 0
    for stage in report["stages"]:
        for certificate in stage["certificates"]:
            if not (isinstance(certificate["utilisation"], float) and certificate["utilisation"] > 1):
                continue
            best = None
            for case, values in seen[f"{stage['name']}, {certificate['id']}"].items():
                difference = np.abs(values.recorded.ravel() - values.value.ravel())
                use = np.where(difference < values.bound, difference / values.bound, 0)
                index = int(use.argmax())
                if best is None or use[index] > best[0]:
                    best = use[index], case, index, difference[index], values
            _, case, index, difference, values = best
            at = [int(i) for i in np.unravel_index(index, values.recorded.shape)]
            bound = float(values.bound[index]) * (1 + 2.0**-40)
            certificate.update(
                case=case, at=at, reference=float(values.recorded.flat[index]), max_abs=float(difference), bound=bound,
                oracle=float(values.value.flat[index]), utilisation=float(difference / bound))
            retold += 1
        worst = max(stage["certificates"], key=lambda c: c["utilisation"])
        stage.update({key: worst[key] for key in check.NUMBERS}, certificate=worst["id"], verdict="EXPLAINED", blame="neither")
    report.update(verdict="EXPLAINED", blame="neither", first_divergence=None)
    for entry in report["identity"]:
        entry.update(different=0, first_difference=None)
    json.dump(report, open(sys.argv[2], "w"))
    print(retold)
    check.main(sys.argv[2:])
    """

  /// Prints the status for the report as it is, and then every edit that is accepted.
  private static let edits = """
    import contextlib, copy, io, json, random, sys
    sys.path.insert(0, sys.argv[1])
    import check
    report = json.load(open(sys.argv[2]))
    generator = random.Random(7)
    def status(edited):
        json.dump(edited, open(sys.argv[2] + ".edited", "w"))
        with contextlib.redirect_stdout(io.StringIO()):
            return check.main([sys.argv[2] + ".edited", *sys.argv[3:]])
    print(status(report))
    def attempt(name, edit):
        edited = copy.deepcopy(report)
        edit(edited)
        if edited != report and status(edited) == 0:
            print(name)
    parity = {"TYPICAL", "EXPLAINED"} if "z_max" in json.dumps(report["stages"]) else set()
    for verdict in check.ORDER:
        if not {verdict, report["verdict"]} <= parity:
            attempt(f"verdict {verdict}", lambda r: r.update(verdict=verdict))
            attempt(f"all {verdict}", lambda r: [s.update(verdict=verdict) for s in (r, *r["stages"])])
        for index, stage in enumerate(report["stages"]):
            if not {verdict, stage["verdict"]} <= parity:
                attempt(f"{stage['name']} {verdict}", lambda r: r["stages"][index].update(verdict=verdict))
    for index in range(len(report["stages"])):
        attempt(f"without stage {index}", lambda r: r["stages"].pop(index))
    attempt("reversed", lambda r: r["stages"].reverse())
    def leaves(value, path=()):
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            yield from leaves(item, (*path, key))
        if not isinstance(value, (dict, list)):
            yield path, value
    # What docs/reference/proof.md lists as not covered.
    FREE = {"shape", "remarks", "file", "equal_bits", "depth", "span", "z_max", "z_rms", "layout"}
    def covered(path):
        certificate = None
        if "certificates" in path:
            certificate = report["stages"][path[1]]["certificates"][path[3]]["id"]
        if path[0] not in {"schema", "verdict", "blame", "model", "reference", "compared", "first_divergence",
                           "stages", "inputs", "configuration", "mapped"} or FREE & set(path):
            return False
        if path[-1] == "max_abs":
            return certificate is None
        free = {"engine": "nonfinite", None: ""}.get(certificate, "ours")
        return path[-1] != free
    def other(value):
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return value + generator.choice([-1, 1, 7])
        if isinstance(value, float):
            return value * (1 + generator.choice([-1, 1]) * 10 ** generator.uniform(-9, 1)) if value else 1e-30
        return 1 if value is None else value + "x"
    places = [(path, value) for path, value in leaves(report) if covered(path)]
    for path, value in generator.sample(places, min(len(places), 40)):
        def edit(edited):
            for key in path[:-1]:
                edited = edited[key]
            edited[path[-1]] = other(value)
        attempt(f"{'/'.join(map(str, path))} {value}", edit)
    """
}
