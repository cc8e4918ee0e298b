import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct SafetensorsShardsTests {
  /// Tensors of 24, 60, 8, 40, 12, 0 and 36 bytes; one shares the storage of another.
  private static func state() throws -> StateDict {
    var state = StateDict()
    let sizes = [
      ("z", [2, 3]), ("large", [5, 3]), ("m", [2]), ("a", [5, 2]), ("b", [3]), ("empty", [0, 7]), ("last", [9]),
    ]
    for (seed, (name, shape)) in sizes.enumerated() { try state.append(name, patterned(.f32, shape, seed: seed)) }
    try state.append("tied", try #require(state["m"]), aliasOf: "m")
    try state.append("end", patterned(.f16, [3, 2], seed: 9))
    state.metadata = [.init("epoch", .integer(3)), .init("format", "pt")]
    return state
  }

  private func index(_ directory: URL, _ name: String = "model.safetensors.index.json") throws -> JSONValue {
    try JSONValue(parsing: String(contentsOf: directory.appending(path: name), encoding: .utf8))
  }

  private func files(_ directory: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
  }

  @Test(
    "tensors are dealt out to the same shards, with the same names and total, as huggingface_hub does",
    arguments: [1, 40, 48, 60, 64, 100, 150])
  func split(shardSize: Int) throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      for element in try Self.state() where element.aliasOf == nil { try state.append(element.name, element.tensor) }
      try state.write(path: directory.path, format: .safetensors(shardSize: shardSize))
      let expected = try python(
        """
        import sys
        from huggingface_hub import split_torch_state_dict_into_shards
        import torch
        f = torch.float32
        state = {"z": torch.zeros(2, 3), "large": torch.zeros(5, 3), "m": torch.zeros(2), "a": torch.zeros(5, 2),
          "b": torch.zeros(3), "empty": torch.zeros(0, 7), "last": torch.zeros(9), "end": torch.zeros(3, 2, dtype=torch.float16)}
        split = split_torch_state_dict_into_shards(state, max_shard_size=int(sys.argv[1]))
        print(sorted(split.filename_to_tensors), split.metadata["total_size"])
        for name in state: print(name, split.tensor_to_filename[name])
        """, [String(shardSize)])
      let index = try index(directory)
      let map = try #require(index["weight_map"]?.members)
      let names = Set(map.compactMap(\.value.string)).sorted().map { "'\($0)'" }.joined(separator: ", ")
      let total = try #require(index["metadata"]?["total_size"]?.int)
      #expect(lines(expected) == ["[\(names)] \(total)"] + map.map { "\($0.key) \($0.value.string ?? "")" })
    }
  }

  @Test("a set that we wrote is read back in order, with its ties and metadata, from the index and from the directory")
  func roundTrip() throws {
    try withTemporaryDirectory { directory in
      let state = try Self.state()
      try state.write(path: directory.path, format: .safetensors(shardSize: 40))
      for path in [directory.path, directory.appending(path: "model.safetensors.index.json").path] {
        let read = try StateDict(path: path)
        #expect(read.names == state.names)
        #expect(read.map(\.aliasOf) == state.map(\.aliasOf))
        #expect(try facts(of: read) == facts(of: state))
        #expect(read.metadata == state.metadata)
        #expect(read.origin?.layout == "6 shards")
      }
    }
  }

  @Test("torch and huggingface_hub load a set that we wrote, ties included")
  func huggingFace() throws {
    try withTemporaryDirectory { directory in
      let state = try Self.state()
      try state.write(path: directory.path, format: .safetensors(shardSize: 40))
      let shards = try files(directory).filter { $0.hasSuffix(".safetensors") }
        .map { directory.appending(path: $0).path }
      #expect(try pythonFacts(of: shards) == facts(of: state.filter { $0.aliasOf == nil }))
      let found = try python(
        """
        import sys, torch
        from huggingface_hub import load_torch_model
        class Model(torch.nn.Module):
          def __init__(self):
            super().__init__()
            p = torch.nn.Parameter
            self.z, self.large, self.m, self.a = p(torch.zeros(2, 3)), p(torch.zeros(5, 3)), p(torch.zeros(2)), p(torch.zeros(5, 2))
            self.b, self.empty, self.last = p(torch.zeros(3)), p(torch.zeros(0, 7)), p(torch.zeros(9))
            self.tied, self.end = self.m, p(torch.zeros(3, 2, dtype=torch.float16))
        model = Model()
        print(load_torch_model(model, sys.argv[1], strict=False))
        print(model.tied.detach().numpy().tobytes().hex(), model.tied is model.m)
        """, [directory.path])
      let hex = try #require(facts(of: state)["m"]?.split(separator: " ").last)
      #expect(lines(found).last == "\(hex) True")
    }
  }

  @Test("a set that huggingface_hub wrote is read, with the names that it dropped as aliases")
  func fromHuggingFace() throws {
    try withTemporaryDirectory { directory in
      let expected = try python(
        """
        import sys, torch
        from huggingface_hub import save_torch_state_dict
        torch.manual_seed(5)
        w = torch.randn(7, 3)
        state = {"wte": w, "fc.weight": torch.randn(5, 3), "fc.bias": torch.randn(5), "head": w, "step": torch.tensor(4)}
        save_torch_state_dict(dict(state), sys.argv[1], max_shard_size=80, metadata={"source": "test"})
        for name, t in state.items():
          print(name, list(t.shape), t.reshape(-1).view(torch.uint8).numpy().tobytes().hex())
        """, [directory.path])
      let state = try StateDict(path: directory.path)
      let found = try facts(of: state).map { "\($0) \($1.split(separator: " ", maxSplits: 1)[1])" }
      #expect(Set(found) == Set(lines(expected)))
      #expect(state.sharedNames == [["head", "wte"]])
      #expect(Set(state.metadata) == [.init("format", "pt"), .init("source", "test")])
      #expect(try files(directory).count == 4)
    }
  }

  @Test("one shard is one file without an index")
  func single() throws {
    try withTemporaryDirectory { directory in
      try Self.state().write(
        path: directory.appending(path: "w.safetensors").path, format: .safetensors(shardSize: 1000))
      #expect(try files(directory) == ["w.safetensors"])
      #expect(try StateDict(path: directory.path).names == Self.state().names)
    }
  }

  @Test("a set replaces a set as a whole, and only when that is asked for")
  func replaces() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "w.safetensors").path
      let state = try Self.state()
      try state.write(path: path, format: .safetensors(shardSize: 40))
      let before = try files(directory)
      #expect { try state.write(path: path, format: .safetensors(shardSize: 100)) } throws: {
        ($0 as? WeightFileError)?.code == .outputExists
      }
      #expect(try files(directory) == before)
      // The source of the second set is the first one, in the same place.
      try StateDict(path: directory.path).write(path: path, format: .safetensors(shardSize: 100), replacing: true)
      #expect(
        try files(directory) == [
          "w-00001-of-00002.safetensors", "w-00002-of-00002.safetensors", "w.safetensors.index.json",
        ])
      #expect(try facts(of: StateDict(path: directory.path)) == facts(of: state))
    }
  }

  @Test(
    "an index that lies is refused",
    arguments: [
      (
        "a shard is missing", #"{"m":"gone.safetensors"}"#, "1 of 1 shards cannot be opened",
        WeightFileError.Code.malformed
      ),
      ("a tensor is in another shard", #"{"a":"2.safetensors","b":"2.safetensors"}"#, "does not hold it", .malformed),
      (
        "a shard holds more", #"{"a":"1.safetensors","b":"2.safetensors"}"#, "1 tensors are not in the index",
        .malformed
      ),
      ("a tensor is in no shard", #"{"a":"1.safetensors","x":"1.safetensors"}"#, "does not hold it", .malformed),
      ("a name twice in the index", #"{"a":"1.safetensors","a":"2.safetensors"}"#, "appears twice", .malformed),
      (
        "a tensor in two shards", #"{"a":"1.safetensors","b":"2.safetensors","c":"3.safetensors"}"#,
        "is in '1.safetensors' too", .malformed
      ),
      ("a parent directory", #"{"a":"../1.safetensors"}"#, "not a plain name", .refused),
      ("an absolute path", #"{"a":"/tmp/1.safetensors"}"#, "not a plain name", .refused),
      ("a backslash", #"{"a":"..\\1.safetensors"}"#, "not a plain name", .refused),
      ("a folder", #"{"a":"x/1.safetensors"}"#, "not a plain name", .refused),
      ("a zero byte", #"{"a":"1.safetensors\u0000x"}"#, "not a plain name", .refused),
      ("a number for a file", #"{"a":1}"#, "a text in quotes", .malformed),
      ("no file at all", "{}", "no 'weight_map'", .malformed),
    ])
  func lies(sentence: String, map: String, reason: String, code: WeightFileError.Code) throws {
    try withTemporaryDirectory { directory in
      func shard(_ file: String, _ names: [String]) throws {
        let entries = names.enumerated().map {
          #""\#($1)":{"dtype":"U8","shape":[2],"data_offsets":[\#($0 * 2),\#($0 * 2 + 2)]}"#
        }
        try Data(safetensorsFile("{" + entries.joined(separator: ",") + "}", data: names.count * 2))
          .write(to: directory.appending(path: file))
      }
      try shard("1.safetensors", ["a"])
      try shard("2.safetensors", ["b", "more"])
      try shard("3.safetensors", ["c", "a"])
      let url = directory.appending(path: "x.safetensors.index.json")
      // The key that the second entry names makes the content an index even where no file is named.
      try Data(#"{"weight_map":\#(map),"note":".safetensors"}"#.utf8).write(to: url)
      #expect { try StateDict(path: url.path, format: .safetensors) } throws: { error in
        let error = error as? WeightFileError
        return error?.code == code && error?.reason.contains(reason) == true && error?.file != nil
      }
    }
  }

  @Test("metadata on which shards disagree is kept from each")
  func disagreement() throws {
    try withTemporaryDirectory { directory in
      try python(
        """
        import json, sys, torch
        from safetensors.torch import save_file
        save_file({"a": torch.zeros(2)}, sys.argv[1] + "/1.safetensors", {"rank": "0", "same": "x"})
        save_file({"b": torch.zeros(3)}, sys.argv[1] + "/2.safetensors", {"rank": "1", "same": "x"})
        json.dump({"metadata": {"total_size": 20, "total_parameters": 5},
          "weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}, open(sys.argv[1] + "/m.safetensors.index.json", "w"))
        """, [directory.path])
      let state = try StateDict(path: directory.path)
      #expect(
        Set(state.metadata) == [
          .init("rank", ["1.safetensors": "0", "2.safetensors": "1"]), .init("same", "x"),
          .init("total_parameters", .integer(5)),
        ])
    }
  }

  @Test("a directory that could mean two sets, or none, is refused")
  func directories() throws {
    try withTemporaryDirectory { directory in
      #expect { try StateDict(path: directory.path) } throws: { ($0 as? WeightFileError)?.code == .unknownFormat }
      for name in ["a.safetensors", "b.safetensors"] {
        try Data(safetensorsFile("{}")).write(to: directory.appending(path: name))
      }
      #expect { try StateDict(path: directory.path) } throws: { ($0 as? WeightFileError)?.code == .unsupported }
    }
  }
}
