import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files as public programs write them: see the table in `docs/reference/formats/hdf5.md`.
@Suite struct HDF5LayoutTests {
  @Test("flat dotted names at the root: the common recipe")
  func flat() throws {
    let state = try HDF5Files.expectAgreement(
      """
      with h5py.File(path, 'w') as f:
          for k, v in state.items(): f.create_dataset(k, data=v.cpu().numpy())
      for k in sorted(state): expect(k, state[k])
      """)
    #expect(state.origin?.layout == "flat dotted names at the root")
  }

  @Test("the order of creation is kept where the file keeps it")
  func creationOrder() throws {
    try HDF5Files.expectAgreement(
      """
      with h5py.File(path, 'w', track_order=True) as f:
          for k, v in state.items(): f.create_dataset(k, data=v.cpu().numpy())
      for k, v in state.items(): expect(k, v)
      """)
  }

  @Test("under one group, with checksums, and dicts as JSON in another, as dingo writes it")
  func underGroup() throws {
    let state = try HDF5Files.expectAgreement(
      """
      with h5py.File(path, 'w') as f:
          group = f.create_group('model_weights')
          for k, v in state.items():
              v = v.cpu().numpy()
              group.create_dataset(k, data=v, **(dict(fletcher32=True) if v.ndim else {}))
          dicts = f.create_group('serialized_dicts')
          dicts.create_dataset('model_kwargs', data=json.dumps({'hidden': 5}))
          f.attrs['CANONICAL_FILE_BASENAME'] = 'model_latest'; f.attrs['epoch'] = 7; f.attrs['version'] = 'dingo=0.5'
      for k in sorted(state): expect(k, state[k])
      """)
    #expect(state.origin?.layout == "flat names under the group '/model_weights'")
    #expect(state.metadata("epoch")?.int == 7)
    #expect(state.others.map(\.kind) == ["string"])
  }

  @Test("nested groups")
  func nested() throws {
    let state = try HDF5Files.expectAgreement(
      """
      with h5py.File(path, 'w') as f:
          for k, v in state.items(): f[k.replace('.', '/')] = v.cpu().numpy()
      for k in sorted(state): expect(k, state[k])
      """)
    #expect(state.origin?.layout == "nested groups")
  }

  @Test("a list of the keys gives the order, and what it does not name is listed beside the tensors")
  func keyList() throws {
    let state = try HDF5Files.expectAgreement(
      """
      state['tied.weight'] = state['fc.weight']
      with h5py.File(path, 'w') as f:
          for k, v in state.items():
              if k != 'tied.weight': f.create_dataset(k, data=v.numpy())
          f['tied.weight'] = f['fc.weight']
          f.create_dataset('input_dropout_rate', data=0.5)
          f.create_dataset('keys', data=np.array(list(state), dtype=object))
          f.create_dataset('args', data=np.array(['input_dropout_rate'], dtype=object))
          f.create_dataset('type_name', data='biophysical')
          f['prior_network/block0_values'] = np.eye(3); f['prior_network/blob'] = np.zeros(9, 'V1')
      for k, v in state.items(): expect(k, v, 'fc.weight' if k == 'tied.weight' else None)
      """)
    #expect(state.origin?.layout == "flat dotted names at the root, in the order of '/keys'")
    #expect(
      state.others.map(\.name) == [
        "args", "input_dropout_rate", "prior_network.blob", "prior_network.block0_values", "type_name",
      ])
    #expect(state.others.filter(\.isRefused) == [])
  }

  @Test("the order of the keys decides which of two tied names is the first")
  func keyListTies() throws {
    try HDF5Files.expectAgreement(
      """
      with h5py.File(path, 'w') as f:
          group = f.create_group('state_dict')
          group['a.weight'] = state['fc.weight'].numpy(); group['z.weight'] = group['a.weight']
          group['keys'] = np.array([b'z.weight', b'a.weight'])
      expect('z.weight', state['fc.weight']); expect('a.weight', state['fc.weight'], 'z.weight')
      """)
  }

  @Test(
    "a list that is no list of the tensors' names changes nothing",
    arguments: [
      "['fc.weight', 'nowhere']", "['fc.weight', 'fc.weight']", "['fc.weight']*2", "[]", "['fc.weight', '']",
      "[['fc.weight'], ['fc.bias']]",
    ])
  func badKeyList(keys: String) throws {
    let state = try HDF5Files.expectAgreement(
      """
      with h5py.File(path, 'w') as f:
          for k, v in state.items(): f.create_dataset(k, data=v.numpy())
          f.create_dataset('keys', data=np.array(\(keys), dtype=object), dtype=h5py.string_dtype())
      for k in sorted(state): expect(k, state[k])
      """)
    #expect(state.others.map(\.name) == ["keys"])
  }

  @Test("a list of keys in compressed chunks, and one of numbers, are not read")
  func keyListElsewhere() throws {
    for data in ["np.array(list(state), dtype=object), chunks=(2,), compression='gzip'", "np.arange(9)"] {
      try HDF5Files.with(
        """
        with h5py.File(path, 'w') as f:
            for k, v in state.items(): f.create_dataset(k, data=v.numpy())
            f.create_dataset('keys', data=\(data))
        """
      ) { url in
        let layout = try StateDict(contentsOf: url).origin?.layout
        #expect(layout == "flat dotted names at the root")
      }
    }
  }

  private let bigGraph = """
    def save(path, tensors, optimizer, version=1):
        with h5py.File(path, 'w') as f:
            f.attrs['format_version'] = version
            f.attrs['config/json'] = json.dumps({'dimension': 4})
            group = f.create_group('model', track_order=True)
            for public, private, tensor in tensors:
                group.create_dataset(public, data=tensor.numpy()).attrs['state_dict_key'] = private
            stream = io.BytesIO(); torch.save(optimizer, stream)
            f.create_dataset('optimizer/state_dict', data=np.frombuffer(stream.getvalue(), dtype=np.dtype('V1')))
    adagrad = torch.optim.Adagrad(model.parameters()).state_dict()
    tensors = [('relations/1/operator/rhs/z', 'rhs_operators.1.z', torch.randn(3, 4)),
               ('relations/0/operator/rhs/translations', 'rhs_operators.0.translations', torch.randn(5, 4)),
               ('entities/user/global_embedding', 'global_embs.emb_user', torch.randn(4))]

    """

  @Test("names in attributes and the optimizer as a pickle: a model of PyTorch-BigGraph")
  func bigGraphModel() throws {
    let state = try HDF5Files.expectAgreement(
      bigGraph + """
        save(path, tensors, adagrad)
        for _, private, tensor in tensors: expect(private, tensor)
        """)
    #expect(state.origin?.layout == "names in the attribute 'state_dict_key' (PyTorch-BigGraph)")
    #expect(state.others.map(\.name) == ["optimizer.state_dict"] && state.others[0].isRefused == false)
    #expect(state.metadata("config/json") == "{\"dimension\": 4}")
  }

  @Test("embeddings of PyTorch-BigGraph have no names in attributes, and their optimizer is no tensor either")
  func bigGraphEmbeddings() throws {
    let state = try HDF5Files.expectAgreement(
      bigGraph + """
        save(path, [], adagrad)
        table = torch.randn(6, 4)
        with h5py.File(path, 'a') as f: f.create_dataset('embeddings', data=table.numpy())
        expect('embeddings', table)
        """)
    #expect(state.others.filter(\.isRefused) == [])
  }

  @Test("a second hard link, which has the same attributes, keeps its public name")
  func bigGraphTies() throws {
    try HDF5Files.expectAgreement(
      bigGraph + """
        save(path, tensors[:1], adagrad)
        with h5py.File(path, 'a') as f: f['model/shared/z'] = f['model/relations/1/operator/rhs/z']
        expect('rhs_operators.1.z', tensors[0][2]); expect('model.shared.z', tensors[0][2], 'rhs_operators.1.z')
        """)
  }

  @Test("another version of PyTorch-BigGraph's format is refused with both numbers")
  func bigGraphVersion() throws {
    try HDF5Files.with(bigGraph + "save(path, tensors, adagrad, version=2)") { url in
      let error = try #require(throws: WeightFileError.self) { try StateDict(contentsOf: url) }
      #expect(error.code == .unsupported && error.file == url.path)
      #expect(error.reason.hasSuffix("'format_version' is 2; the version that is read is 1"))
    }
  }

  @Test("two tensors that claim one name are refused with the name")
  func bigGraphDuplicates() throws {
    try HDF5Files.with(bigGraph + "save(path, [('a', 'same', torch.ones(2)), ('b', 'same', torch.ones(3))], {})") {
      url in
      let error = try #require(throws: TensorError.self) { try StateDict(contentsOf: url) }
      #expect(error.code == .duplicateName && error.tensor == "same")
    }
  }

  private let cerebras = """
    from urllib.parse import quote
    def save(path, values, **compression):
        with h5py.File(path, 'a') as f:
            for name, value in values.items():
                key = quote(name, safe='')
                if isinstance(value, torch.Tensor):
                    is_bf16 = value.dtype == torch.bfloat16
                    a = value.view(torch.int16).numpy() if is_bf16 else value.numpy()
                    f.create_dataset(key, a.shape, a.dtype, **(compression if a.shape else {}))[...] = a
                    f[key].attrs['is_bfloat16'] = is_bf16
                    kind = 'TorchTensorH5Type'
                elif isinstance(value, str):
                    f.create_dataset(key, data=h5py.Empty('f')).attrs['string_value'] = value; kind = 'StringH5Type'
                elif value is None:
                    f.create_dataset(key, data=h5py.Empty('f')); kind = 'NoneH5Type'
                elif isinstance(value, (int, float)):
                    f.create_dataset(key, (), np.array(value).dtype)[...] = value; kind = 'ScalarH5Type'
                else:
                    f.create_dataset(key, data=h5py.Empty('f')).attrs['object_value'] = '80049529'; kind = 'ObjectH5Type'
                f[key].attrs['__H5_TYPE__'] = kind
            f.attrs['__spec__'] = json.dumps({'model': None})

    """

  @Test(
    "percent-encoded names and bfloat16 as integers: a plain checkpoint of Cerebras",
    arguments: ["", "compression='lzf'"])
  func percentEncoded(compression: String) throws {
    let state = try HDF5Files.expectAgreement(
      cerebras + """
        values = {'model.fc/weight': torch.randn(4, 3), 'model.größe %41': torch.randn(2, 5).bfloat16(),
                  'global_step': 7, 'name': 'gpt', 'nothing': None, 'args': object()}
        save(path, values, \(compression))
        with h5py.File(path, 'a') as f: f['tied'] = f[quote('model.fc/weight', safe='')]
        expect('global_step', np.array(7)); expect('model.fc/weight', values['model.fc/weight'])
        bits = values['model.größe %41'].view(torch.int16).numpy()
        expect('model.größe %41', bits.view(ml_dtypes.bfloat16)); expect('tied', values['model.fc/weight'], 'model.fc/weight')
        """)
    #expect(state.origin?.layout == "percent-encoded names at the root (Cerebras)")
    #expect(state.metadata("name") == "gpt" && state.metadata("nothing") == JSONValue.null)
    #expect(state.others == [.init(name: "args", kind: "object", reason: "a pickled object is not carried out")])
  }

  @Test("what Cerebras keeps elsewhere or compresses with LZ4 is refused by name")
  func cerebrasRefusals() throws {
    try HDF5Files.with(
      cerebras + """
        import hdf5plugin
        save(path, {'lz4': torch.ones(64, 3)}, **hdf5plugin.LZ4())
        with h5py.File(path, 'a') as f:
            f.create_dataset('external', (2,), 'f4', external=[('/dev/null', 0, 8)])
            layout = h5py.VirtualLayout((4,), 'f4'); layout[:] = h5py.VirtualSource('shard.h5', 'x', (4,))
            f.create_virtual_dataset('virtual', layout)
            f.create_dataset('constant', data=h5py.Empty('f')).attrs['fill_value'] = 1.0
            for name in ('external', 'virtual', 'constant'): f[name].attrs['__H5_TYPE__'] = 'TorchTensorH5Type'
        """
    ) { url in
      let state = try StateDict(contentsOf: url)
      #expect(state.isEmpty)
      let reasons = Dictionary(uniqueKeysWithValues: state.others.map { ($0.name, $0.reason) })
      #expect(state.others.filter(\.isRefused).count == 4)
      #expect(reasons["lz4"]?.contains("32004 (lz4)") == true)
      #expect(reasons["external"]?.contains("other files") == true)
      #expect(reasons["virtual"]?.contains("virtual") == true)
      #expect(reasons["constant"]?.contains("TorchTensorH5Type") == true)
      let error = try #require(throws: WeightFileError.self) { try Conversion(state, to: .hdf5) }
      #expect(error.code == .refused)
      for name in reasons.keys { #expect(error.reason.contains("'\(name)'")) }
    }
  }

  @Test("names that Python's unquote leaves alone stay as they are")
  func badPercentCodes() throws {
    try HDF5Files.expectAgreement(
      """
      with h5py.File(path, 'w') as f:
          for name in ['%', '%4', '%zz', '%ff', 'a%2Fb']:
              f[name] = np.ones((2, 1), 'f4'); f[name].attrs['__H5_TYPE__'] = 'NumpyArrayH5Type'
      for name in ['%', '%4', '%ff', '%zz', 'a/b']: expect(name, np.ones((2, 1), 'f4'))
      """)
  }

  @Test("plus signs that stand for separators are read so, and the layout says it")
  func plus() throws {
    let state = try HDF5Files.expectAgreement(
      """
      with h5py.File(path, 'w') as f:
          for k, v in state.items(): f[k.replace('.', '+')] = v.numpy()
      for k in sorted(state, key=lambda k: k.replace('.', '+')): expect(k, state[k])
      """)
    #expect(state.origin?.layout == "flat names at the root, '+' read as the separator")
  }

  @Test(
    "plus signs and underscores that could be part of a name are left alone",
    arguments: [
      "['conv+bn.weight', 'conv+bn.bias']", "['a+b', 'c']", "['a+', 'b+c']", "['+a', 'b+c']", "['a++b', 'b+c']",
      "['fc_weight', 'fc_bias']",
    ])
  func notSeparators(names: String) throws {
    try HDF5Files.expectAgreement(
      """
      with h5py.File(path, 'w') as f:
          for k in \(names): f[k] = np.ones((2, 3), 'f4')
      for k in sorted(\(names)): expect(k, np.ones((2, 3), 'f4'))
      """)
  }

  @Test("names that HDF5 shortens when they are written are read as they are in the file")
  func shortened() throws {
    try HDF5Files.expectAgreement(
      """
      names = ['a//b', './c', 'd/', 'e...', '...f', 'g h', '/i/./j']
      with h5py.File(path, 'w') as f:
          for k in names: f[k] = np.full((2, 3), len(k), 'f4')
      for k, n in [('...f', 4), ('a.b', 4), ('c', 3), ('d', 2), ('e...', 4), ('g h', 3), ('i.j', 6)]:
          expect(k, np.full((2, 3), n, 'f4'))
      """)
  }

  @Test("two paths that give one name are refused with the name and the path")
  func collision() throws {
    try HDF5Files.with(
      """
      with h5py.File(path, 'w') as f: f['a/b.c'] = np.ones(2); f['a.b/c'] = np.ones(3)
      """
    ) { url in
      let error = try #require(throws: TensorError.self) { try StateDict(contentsOf: url) }
      #expect(error.code == .duplicateName && error.tensor == "a.b.c" && error.place == .object("/a.b/c"))
    }
  }
}
