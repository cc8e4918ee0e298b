import Foundation

/// A file that h5py writes with everything that a weight file may hold, and what h5py says is in it.
struct Zoo {
  struct Animal {
    let path: String
    /// As ``HDF5ElementType`` prints it.
    let type: String
    let dimensions: [UInt64]
    /// Row-major and little-endian.
    let bytes: [UInt8]
  }

  let path: String
  let animals: [Animal]

  /// - Parameters:
  ///   - version: what h5py calls `libver`.
  ///   - userBlockSize: 0, or 512 and up.
  init(in scratch: Scratch, version: String, userBlockSize: Int = 0) throws {
    path = scratch.path("zoo-\(version)-\(userBlockSize).h5")
    let output = try scratch.h5py(path, [version, String(userBlockSize)], Self.script)
    animals = output.split(separator: "\n").map { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      return Animal(
        path: String(fields[0]), type: String(fields[1]),
        dimensions: fields[2].split(separator: ",").map { UInt64($0)! },
        bytes: [UInt8](hex: fields[3]))
    }
  }

  private static let script = """
    from h5py import h5d, h5p, h5s, h5t
    rng = np.random.default_rng(7)
    version, user_block = args
    f = h5py.File(path, 'w', libver=version, userblock_size=int(user_block))
    names = {'f2': 'float16', 'f4': 'float32', 'f8': 'float64', 'c8': 'complex64', 'c16': 'complex128', 'b1': 'bool'}
    names |= {k + s: n + str(8 * int(s)) for s in '1248' for k, n in (('i', 'int'), ('u', 'uint'))}

    def values(kind, shape):
        dtype = np.dtype(kind)
        count = int(np.prod(shape))
        if dtype.kind in 'fc':  # every bit pattern but the sign of a NaN may appear
            return (rng.standard_normal(count) * 10.0 ** rng.integers(-4, 4, count)).astype(dtype).reshape(shape)
        if dtype.kind == 'b':
            return (rng.integers(0, 2, count) == 1).reshape(shape)
        return np.frombuffer(rng.bytes(count * dtype.itemsize), dtype).reshape(shape)

    def add(name, kind, shape, **options):
        f.create_dataset(name, data=values(kind, shape), **options)

    for kind in ['f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', '?', 'c8', 'c16']:
        add('plain ' + kind.replace('?', 'b1'), kind, (3, 5))
    for kind in ['>f2', '>f4', '>f8', '>i2', '>i4', '>i8', '>u8', '>c8', '>c16']:
        add('big ' + kind[1:], kind, (4, 3))
    add('scalar f4', 'f4', ())
    add('scalar i8', 'i8', ())
    add('big scalar', '>f8', ())
    add('empty', 'f4', (0, 3))
    add('empty gzip', 'f4', (0, 3), compression='gzip')
    chunks = dict(chunks=(3, 4))
    for kind in ['f4', 'u1', 'i8', '>f8', 'c8', 'c16', '>i2', 'f2', '?']:
        name = kind.replace('?', 'b1').replace('>', 'big ')
        add(f'chunks {name}', kind, (7, 11), **chunks)
        add(f'shuffle {name}', kind, (7, 11), shuffle=True, **chunks)
        add(f'fletcher32 {name}', kind, (7, 11), fletcher32=True, **chunks)
        add(f'gzip {name}', kind, (7, 11), compression='gzip', **chunks)
        add(f'all filters {name}', kind, (7, 11), compression='gzip', shuffle=True, fletcher32=True, **chunks)
    add('three axes', 'f4', (5, 4, 7), compression='gzip', shuffle=True, chunks=(2, 3, 4))
    add('five axes', 'i2', (2, 3, 2, 5, 3), chunks=(1, 2, 2, 3, 2))
    add('one chunk', 'f8', (6, 5), chunks=(6, 5), compression='gzip')
    add('chunk larger than the data', 'f4', (2, 3), chunks=(2, 3), maxshape=(None, None))
    add('growing', 'f4', (9, 5), chunks=(2, 3), maxshape=(None, 5))
    add('growing both ways', 'i4', (9, 5), chunks=(2, 3), maxshape=(None, None), compression='gzip')
    add('odd checksum', 'u1', (7,), chunks=(7,), fletcher32=True)
    add('long checksum', 'u2', (70, 31), chunks=(40, 31), fletcher32=True)

    sparse = f.create_dataset('sparse', (10, 9), 'f4', fillvalue=2.5, chunks=(4, 4), compression='gzip')
    sparse[5:7, 1:3] = 7
    sparse = f.create_dataset('big sparse', (10, 9), '>i4', fillvalue=-5, chunks=(4, 4), shuffle=True)
    sparse[9, 8] = 3
    f.create_dataset('never written', (3, 4), 'f4', fillvalue=-1.5)
    f.create_dataset('never written big', (3, 4), '>f8', fillvalue=6.25)
    f.create_dataset('never written zeros', (3, 4), 'i8')
    grown = f.create_dataset(
        'shrunk and grown', data=values('f4', (9, 8)), chunks=(4, 3), maxshape=(None, None), fillvalue=9)
    grown.resize((3, 4))
    grown.resize((10, 7))

    # Chunks that were written without some of the filters.
    masked = f.create_dataset('masked', (4, 6), 'f4', chunks=(2, 6), compression='gzip', shuffle=True)
    masked[...] = values('f4', (4, 6))
    masked.id.write_direct_chunk((2, 0), values('f4', (2, 6)).tobytes(), 0b11)
    half = f.create_dataset('half masked', (2, 6), 'f4', chunks=(2, 6), compression='gzip', shuffle=True)
    import zlib
    half.id.write_direct_chunk((0, 0), zlib.compress(values('f4', (2, 6)).tobytes()), 0b01)
    # A checksum as libraries before 1.6.3 wrote it.
    old = f.create_dataset('old checksum', data=values('i4', (6,)), chunks=(6,), fletcher32=True)
    f.flush()
    stored = old.id.read_direct_chunk((0,))[1]
    a, b, c, d = stored[-4:]
    old.id.write_direct_chunk((0,), stored[:-4] + bytes([b, a, d, c]), 0)

    def low_level(name, dtype, kind, shape, layout=None, filters=''):
        properties = h5p.create(h5p.DATASET_CREATE)
        for filter in filters.split():
            properties.set_chunk(tuple(n // 2 + 1 for n in shape))
            getattr(properties, 'set_' + filter)(*([6] if filter == 'deflate' else []))
        properties.set_obj_track_times(False)
        if layout is not None: properties.set_layout(layout)
        space = h5s.create_simple(shape)
        d = h5d.create(f.id, name.encode(), dtype, space, properties)
        d.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(values(kind, shape)), dtype)
    # Filters in an order of their own: shuffle and deflate see the checksum, which fills no element.
    low_level('checksum first', h5t.IEEE_F64LE, 'f8', (5, 7), filters='fletcher32 shuffle deflate')
    low_level('deflate first', h5t.IEEE_F64LE, 'f8', (5, 7), filters='deflate fletcher32')
    low_level('two checksums', h5t.IEEE_F64LE, 'f8', (5, 7), filters='fletcher32 deflate shuffle')
    low_level('compact', h5t.IEEE_F32LE.copy(), 'f4', (3, 7), h5d.COMPACT)
    low_level('compact big', h5t.IEEE_F64BE.copy(), '>f8', (3, 2), h5d.COMPACT)
    bfloat = h5t.IEEE_F32LE.copy()
    bfloat.set_fields(15, 7, 8, 0, 7)
    bfloat.set_size(2)
    bfloat.set_ebias(127)
    low_level('bfloat16', bfloat, 'u2', (5, 3))
    group = f.create_group('outer').create_group('inner.0')
    group['weight'] = values('f4', (2, 7))
    f['alias'] = f['plain f4']
    f['outer/alias'] = group['weight']
    f.close()

    # What h5py reads from it again, as bytes of the same type in little-endian order.
    f = h5py.File(path, 'r')
    def describe(name, d):
        if name == 'bfloat16':
            a = np.empty(d.shape, 'u2')
            d.id.read(h5s.ALL, h5s.ALL, a, d.id.get_type())
            kind = name
        else:
            a = d[()]
            kind = names[np.dtype(a.dtype).kind + str(a.dtype.itemsize)]
        a = np.asarray(a)
        little = a.astype(a.dtype.newbyteorder('<')).tobytes()
        print('/' + name, kind, ','.join(map(str, d.shape)), little.hex(), sep='\\t')
    def walk(prefix, g):
        for name in g:
            if isinstance(g[name], h5py.Group): walk(prefix + name + '/', g[name])
            else: describe(prefix + name, g[name])
    walk('', f)
    """
}
